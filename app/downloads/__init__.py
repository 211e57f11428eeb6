"""Files and pictures to be kept: original files, several at a time as a ZIP, rendered pictures.

Whatever is sent is made while it is sent: no temporary file, and a client that is slow or gone
holds nothing but a few blocks.
"""
