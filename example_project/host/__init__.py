"""The example's backend: the smallest Django project that uses ``ai_kit_auth``."""
