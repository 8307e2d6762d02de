"""The form: two fields, and what happens when they are valid."""

from django import forms

from .tasks import send_feedback_email_task


class FeedbackForm(forms.Form):
    email = forms.EmailField(label="Email Address")
    message = forms.CharField(label="Message", widget=forms.Textarea(attrs={"rows": 5}))

    def send_email(self):
        """Asks for the mail, and does not wait for it."""
        return send_feedback_email_task.delay(
            self.cleaned_data["email"], self.cleaned_data["message"]
        )
