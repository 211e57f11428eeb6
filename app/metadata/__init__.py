"""What is told of images, containers, regions and annotations, and what is changed in them."""
