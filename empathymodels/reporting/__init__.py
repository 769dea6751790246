"""What is written about models and fits: cards, reports and citations.

Verbs: card, report, cite.
Doors: captions, card.
May import: plots, recovery, checks, results, and what lies below them.
"""
