"""Structured annotations of OME-XML."""

from pathlib import Path

import numpy as np

from imageserver.readers.objects import AnnotationMetadata
from tests.support.ome import image_xml, write_ome_tiff

PLANE = np.zeros((1, 20, 30), np.uint8)
REFERENCES = "".join(f'<AnnotationRef ID="{name}"/>' for name in ("M", "T", "T", "N", "missing"))
XML = (
    image_xml(0, PLANE, "one", REFERENCES)
    + image_xml(1, PLANE, "two", '<AnnotationRef ID="T"/>', first_ifd=1)
    + """
<Plate ID="Plate:0" Name="P"><AnnotationRef ID="C"/>
  <Well Row="0" Column="1"><AnnotationRef ID="C"/><AnnotationRef ID="D"/>
    <WellSample><ImageRef ID="Image:0"/></WellSample></Well></Plate>
<StructuredAnnotations>
  <MapAnnotation ID="M" Namespace="openmicroscopy.org/x"><Description>genes</Description>
    <Value><M K="gene">cdc2 "α"</M><M K="gene"/><M>alone</M></Value></MapAnnotation>
  <TagAnnotation ID="T"><Value> good </Value></TagAnnotation>
  <CommentAnnotation ID="C"><Value>line one
line two</Value></CommentAnnotation>
  <LongAnnotation ID="N"><Value>-7</Value></LongAnnotation>
  <DoubleAnnotation ID="D"><Value>2.5</Value></DoubleAnnotation>
  <TagAnnotation ID="nobody"><Value>unused</Value></TagAnnotation>
  <XMLAnnotation ID="X"><Value><a/></Value></XMLAnnotation>
</StructuredAnnotations>"""
)


def test_annotations_hang_on_images_plates_and_wells(folder: Path, open_image):
    write_ome_tiff(folder / "a.ome.tif", [PLANE] * 2, XML)
    file = open_image(folder / "a.ome.tif")
    assert [series.annotated for series in file.series] == [True, True]
    assert file.plates[0].annotated
    assert file.annotations() == (
        AnnotationMetadata(
            "MapAnnotation",
            (("gene", 'cdc2 "α"'), ("gene", ""), ("", "alone")),
            "openmicroscopy.org/x",
            "genes",
            images=(0,),
        ),
        AnnotationMetadata("TagAnnotation", "good", images=(0, 1)),
        AnnotationMetadata(
            "CommentAnnotation", "line one\nline two", plates=(0,), wells=((0, 0, 1),)
        ),
        AnnotationMetadata("LongAnnotation", -7, images=(0,)),
        AnnotationMetadata("DoubleAnnotation", 2.5, wells=((0, 0, 1),)),
    )


def test_values_that_cannot_be_read_are_left_out(folder: Path, open_image):
    values = {
        "BooleanAnnotation": ["true", "0", "maybe"],
        "LongAnnotation": ["1", "x", "1e3", str(2**64)],
        "DoubleAnnotation": ["1e3", "x"],
        "TimestampAnnotation": ["2020-01-02T03:04:05", "yesterday"],
        "TermAnnotation": ["GO:1", " "],
    }
    numbered = [(kind, value) for kind, found in values.items() for value in found]
    references = "".join(f'<AnnotationRef ID="{i}"/>' for i in range(len(numbered)))
    annotations = "".join(
        f'<{kind} ID="{i}"><Value>{value}</Value></{kind}>'
        for i, (kind, value) in enumerate(numbered)
    )
    xml = image_xml(0, PLANE, "one", references)
    xml += f"<StructuredAnnotations>{annotations}</StructuredAnnotations>"
    write_ome_tiff(folder / "a.ome.tif", [PLANE], xml)
    found = open_image(folder / "a.ome.tif").annotations()
    assert [annotation.value for annotation in found] == [
        True, False, 1, 1000.0, 1577934245.0, "GO:1",
    ]  # fmt: skip


def test_a_file_without_annotations_has_none(folder: Path, open_image):
    write_ome_tiff(folder / "a.ome.tif", [PLANE], image_xml(0, PLANE, "one", ""))
    file = open_image(folder / "a.ome.tif")
    assert not file.series[0].annotated and file.annotations() == ()
