"""Tags and filters of the mails' templates."""
