"""A mail server that only counts: a line for each mail, written at once and as a whole."""

from celery import current_task
from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend


class EmailBackend(BaseEmailBackend):
    def send_messages(self, messages):
        with open(settings.EMAIL_FILE_PATH, "ab", buffering=0) as file:
            file.write(f"Message-ID: <{current_task.request.id}@python>\n".encode())
        return len(messages)
