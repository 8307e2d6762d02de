"""The task: known to the Rust worker by the same name, with the same two arguments."""

from time import sleep

from celery import shared_task
from django.conf import settings
from django.core.mail import send_mail


@shared_task()
def send_feedback_email_task(email_address, message):
    """Works for a while, then thanks for the feedback."""
    sleep(settings.WORK_SECONDS)
    send_mail(
        "Your Feedback",
        f"\t{message}\n\nThank you!",
        "support@example.com",
        [email_address],
        fail_silently=False,
    )
