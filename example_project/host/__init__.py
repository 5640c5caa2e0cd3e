"""The example host: the smallest Django project that uses ``ai_kit_auth``."""
