"""A table as OMERO.tables would serve it, for a server that has none of its own."""

# ruff: noqa: N802 (operations have the names that OMERO gave them)

import math

from render.blitz.slices import omero

FILE_ID, PLATE_ID = 7, 5
ROWS = 250
NAN_ROW, INFINITE_ROW = 3, 4
IDS = [1000 + 3 * i for i in range(ROWS)]
MEANS = [i / 4 for i in range(ROWS)]
MEANS[NAN_ROW], MEANS[INFINITE_ROW] = math.nan, math.inf
NAMES = [f'well "{i}" \U0001f52c\n' for i in range(ROWS)]
METADATA = {"version": 2, "maker": "tess", "flags": [True, None]}
COLUMNS = (
    (omero.grid.LongColumn, "object", "the image's id", IDS),
    (omero.grid.DoubleColumn, "mean", "", MEANS),
    (omero.grid.StringColumn, "name", "", NAMES),
    (omero.grid.BoolColumn, "good", "", [i % 2 == 0 for i in range(ROWS)]),
    (omero.grid.LongArrayColumn, "pair", "", [[i, -i] for i in range(ROWS)]),
)


class TinyTable(omero.grid.Table):
    """Searches with Python's own expressions, which are those of PyTables for simple conditions."""

    def getHeaders(self, current):
        return [kind(name=name, description=text) for kind, name, text, _ in COLUMNS]

    def getNumberOfRows(self, current):
        return ROWS

    def getWhereList(self, condition, variables, start, stop, step, current):
        try:
            return [i for i in range(start, stop, step) if self._meets(condition, i)]
        except Exception as error:
            raise omero.ApiUsageException(message="a secret message") from error

    def slice(self, columns, rows, current):
        found = []
        for number in columns:
            kind, name, text, values = COLUMNS[number]
            column = kind(name=name, description=text)
            column.values = [values[row] for row in rows]
            found.append(column)
        return omero.grid.Data(rowNumbers=rows, columns=found)

    def getAllMetadata(self, current):
        flags = [omero.RBool(True), None]
        return {
            "version": omero.RLong(METADATA["version"]),
            "maker": omero.RString(METADATA["maker"]),
            "flags": omero.RList(flags),
        }

    @staticmethod
    def _meets(condition, row):
        names = {name: values[row] for _, name, _, values in COLUMNS}
        return bool(eval(condition, {"__builtins__": {}}, names))


class TinyQuery(omero.api.IQuery):
    """Knows what hangs on one plate: two files that are no table, and one that is."""

    def findAllByQuery(self, query, parameters, current):
        if "Nonsense" in query:
            raise omero.QueryException(message="a secret message")
        if "from Plate" not in query or parameters.map["id"].val != PLATE_ID:
            return []
        plate = omero.model.Plate(id=omero.RLong(PLATE_ID), loaded=True)
        plate.annotationLinksSeq = [_link(plate, file_id) for file_id in (FILE_ID, 3, 99)]
        return [plate, plate]


def _link(plate, file_id):
    tess = omero.model.Experimenter(
        id=omero.RLong(4), loaded=True, firstName=omero.RString("Tess"),
        lastName=omero.RString("Ö'Hara"), omeName=omero.RString("tess"),
    )  # fmt: skip
    event = omero.model.Event(loaded=True, time=omero.RTime(1709301600123))
    file = omero.model.OriginalFile(
        id=omero.RLong(file_id), loaded=True, name=omero.RString(f"{file_id}.h5")
    )
    annotation = omero.model.FileAnnotation(
        id=omero.RLong(100 + file_id), loaded=True, file=file, ns=omero.RString("bulk"),
        details=omero.model.Details(owner=tess),
    )  # fmt: skip
    return omero.model.PlateAnnotationLink(
        id=omero.RLong(200 + file_id), loaded=True, parent=plate, child=annotation,
        details=omero.model.Details(owner=tess, creationEvent=event),
    )  # fmt: skip


class Resources(omero.grid.SharedResources):
    """Opens the one table there is; `open_table` gives its proxy."""

    def __init__(self, open_table):
        self._open_table = open_table

    def areTablesEnabled(self, current):
        return True

    def openTable(self, file, current):
        if file.id.val != FILE_ID:
            return None
        return omero.grid.TablePrx.uncheckedCast(self._open_table(current))
