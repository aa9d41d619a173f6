"""How this process delivers notices: the mail server and the way out of the settings."""

from app.mailer import SmtpMailer, SmtpServer
from app.settings import Settings
from app.webhook_caller import HttpWebhookCaller
from scheduler import Delivering

__all__ = ["delivering"]


def delivering(settings: Settings) -> Delivering:
    """The ways out; without AUTOPAY_SMTP_HOST mails wait. Raises `Refused` for an open password."""
    return Delivering(
        master_key=settings.master_key_bytes(),
        mailer=_mailer(settings),
        caller=HttpWebhookCaller(loopback=settings.webhook_loopback),
    )


def _mailer(settings: Settings) -> SmtpMailer | None:
    if not settings.smtp_host:
        return None
    password = settings.smtp_password
    return SmtpMailer(
        SmtpServer(
            host=settings.smtp_host,
            port=settings.smtp_port,
            security=settings.smtp_security,
            user=settings.smtp_user,
            password="" if password is None else password.get_secret_value(),
            ca_file=settings.smtp_ca_file,
        )
    )
