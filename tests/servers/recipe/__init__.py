"""
The example with its production settings, beside the hand-written views.

Servers start it from the folder of the example, where it is the package ``recipe``.
"""
