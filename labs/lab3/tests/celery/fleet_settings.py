"""The project's settings for a worker that will be killed: Celery at its safest."""

import os

from django_celery.settings import *  # noqa: F403

CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 5,
    "unacked_restore_interval": 1,
    "unacked_restore_throttle": 1,
}
# A mail is a line in a file: the task's id.
EMAIL_BACKEND = "fleet_mail.EmailBackend"
EMAIL_FILE_PATH = os.environ["MAIL_FILE"]
