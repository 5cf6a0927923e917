"""When things happen: Celery tasks of a few lines each come here with the queue."""
