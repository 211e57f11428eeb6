"""From forms and queries to frozen request objects, beside `app.params`."""
