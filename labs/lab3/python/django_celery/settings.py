"""As few settings as a form, a mail and a queue need.

The environment may say otherwise:
  REDIS_URL      broker and result backend; redis://127.0.0.1:6379/0
  WORK_SECONDS   how long the simulated work takes; 20
  EMAIL_PORT     send the mail to a mail server at this port of 127.0.0.1 instead of printing it
"""

import os

# Serves this machine only, keeps no session and no user: there is nothing that this key could protect.
SECRET_KEY = "for-the-class-only"
DEBUG = True
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]

INSTALLED_APPS = ["feedback.apps.FeedbackConfig"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "django_celery.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
    }
]
USE_TZ = True
TIME_ZONE = "UTC"

if "EMAIL_PORT" in os.environ:
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST = "127.0.0.1"
    EMAIL_PORT = int(os.environ["EMAIL_PORT"])
else:
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"

WORK_SECONDS = float(os.environ.get("WORK_SECONDS", "20"))

CELERY_BROKER_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
CELERY_RESULT_BACKEND = CELERY_BROKER_URL
# The form's success page of step 7 shows when a task starts.
CELERY_TASK_TRACK_STARTED = True
