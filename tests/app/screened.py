"""A file with a plate, regions and annotations, whose names are hard to get through unharmed."""

from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

from tests.support.ome import image_xml, write_ome_tiff

SCREENED = "screened.ome.tif"
HARD_NAME = 'He said "hi" \u202eabc\u202c \U0001f52c <b>&amp; tab\there'
PLANE = np.arange(30 * 40, dtype=np.uint8).reshape(1, 30, 40)
#: Ids as the image server makes them: of a well by plate, row and column, of regions by image.
PLATE = 1
FIRST_WELL, SECOND_WELL = 1 << 20, (1 << 20) + (1 << 10) + 2

_REGIONS = f"""
<ROI ID="R:0"><Union>
  <Point X="1.5" Y="2" TheZ="1000" TheT="0"/>
  <Rectangle X="1" Y="2" Width="3" Height="4.5" TheZ="999" FillColor="-16776961"
    StrokeColor="65407" StrokeWidth="2.5" FontSize="12" FontFamily="serif" FontStyle="Bold"
    Text={quoteattr(HARD_NAME)}><Transform A00="1" A10="2" A01="3" A11="4" A02="5" A12="6"/>
  </Rectangle>
  <Ellipse X="5" Y="6" RadiusX="7" RadiusY="8"/>
  <Line X1="1" Y1="2" X2="3" Y2="4" MarkerStart="Arrow" MarkerEnd="Arrow"/>
  <Polyline Points="1,2 -3.5,4e1"/><Polygon Points="1,2 3,4 5,6"/><Polygon Points="oh"/>
  <Label X="1" Y="2" Text="l"/>
</Union></ROI>
<ROI ID="R:1"><Union><Mask X="1" Y="2" Width="8" Height="2">
  <BinData Length="2">qlU=</BinData></Mask></Union></ROI>
"""
_PLATE = f"""
<Screen ID="Screen:0" Name="drugs"><PlateRef ID="Plate:0"/></Screen>
<Plate ID="Plate:0" Name={quoteattr(HARD_NAME)} RowNamingConvention="letter"
    ColumnNamingConvention="number">
  <Well ID="W:0" Row="0" Column="0">
    <WellSample ID="S:0" Index="0" PositionX="3.5" PositionXUnit="µm" PositionY="-2">
      <ImageRef ID="Image:0"/></WellSample>
    <WellSample ID="S:1" Index="1"><ImageRef ID="Image:1"/></WellSample></Well>
  <Well ID="W:1" Row="1" Column="2">
    <WellSample ID="S:2"><ImageRef ID="Image:2"/></WellSample></Well>
  <Well ID="W:2" Row="2" Column="2"/>
  <PlateAcquisition ID="A:0" Name="run 1"><WellSampleRef ID="S:1"/><WellSampleRef ID="S:2"/>
  </PlateAcquisition>
  <AnnotationRef ID="N:tag"/>
</Plate>"""
_ANNOTATIONS = """
<StructuredAnnotations>
  <MapAnnotation ID="N:map" Namespace="lab/keys"><Description>told</Description><Value>
    <M K="stain">DAPI</M><M K="stain">GFP</M><M K="\U0001f52c">&lt;b&gt;</M></Value>
  </MapAnnotation>
  <CommentAnnotation ID="N:text"><Value>well done</Value></CommentAnnotation>
  <LongAnnotation ID="N:stars" Namespace="openmicroscopy.org/omero/insight/rating">
    <Value>4</Value></LongAnnotation>
  <TagAnnotation ID="N:tag"><Value>checked</Value></TagAnnotation>
</StructuredAnnotations>"""
_NOTES = "".join(f'<AnnotationRef ID="N:{name}"/>' for name in ("map", "text", "stars"))


def write_screened(folder: Path) -> None:
    """Write three images in a plate; the first of them has regions."""
    xml = (
        image_xml(0, PLANE, "one", '<ROIRef ID="R:0"/><ROIRef ID="R:1"/>' + _NOTES)
        + image_xml(1, PLANE, "two", "", first_ifd=1)
        + image_xml(2, PLANE, "three", "", first_ifd=2)
        + _REGIONS
        + _PLATE
        + _ANNOTATIONS
    )
    write_ome_tiff(folder / SCREENED, [PLANE] * 3, xml)
