"""No models: the users are the project's own. Version 2.0.0 had this module, too."""

from __future__ import annotations
