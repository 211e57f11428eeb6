"""From planes to pictures: the engine, the workers and the Ice side of OMERO."""
