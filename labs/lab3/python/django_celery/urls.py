"""Two pages: the form, and its thanks."""

from django.urls import path
from feedback.views import FeedbackFormView, SuccessView

urlpatterns = [
    path("", FeedbackFormView.as_view(), name="feedback"),
    path("success/", SuccessView.as_view(), name="success"),
]
