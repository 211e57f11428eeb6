"""What a picture is made of, and of what: areas, settings, raw planes, drawings."""
