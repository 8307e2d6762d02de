"""Step 4 of the original: the Celery app, its settings, and where it finds tasks."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_celery.settings")

app = Celery("django_celery")
# Every setting that begins with CELERY_ is Celery's.
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
