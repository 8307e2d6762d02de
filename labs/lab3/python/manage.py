#!/usr/bin/env python
"""Django's own command line: `python manage.py runserver` shows the form."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_celery.settings")
    execute_from_command_line(sys.argv)
