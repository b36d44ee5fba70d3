"""What people look at: images with their objects, heat maps, a gallery.

Begin at ``overlays``; ``drawing`` is what all of them draw with.
"""
