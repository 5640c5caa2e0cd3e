"""A wish list, as a capability of django-ai-kit-auth."""
