"""The application that the project is made of."""

from django.apps import AppConfig


class FeedbackConfig(AppConfig):
    name = "feedback"
