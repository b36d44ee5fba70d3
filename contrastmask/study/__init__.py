"""The controlled study: the same detector with one part changed at a time, over seeds.

Program: ``python -m contrastmask.study``.

Runs are ordinary ``train.py`` runs of ``conf/experiment/study``; this package starts them, reads what they left and
compares them.
"""
