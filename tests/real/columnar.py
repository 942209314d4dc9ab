"""Writes record batches as Arrow streams and Parquet files, and checks what is left of them once masked.

columnar.py write DIR     files of every encoding; those that are not read begin with `refused-`
columnar.py check DIR     reads each again and compares it with what is to be shown
"""

import datetime
import decimal
import pathlib
import sys

import pyarrow as pa
import pyarrow.parquet as pq

CANARY = "kanarie7391vogel"
ROWS = 300
DAY = datetime.date(1989, 11, 28)
MOMENT = datetime.datetime(2001, 9, 8, 23, 30, tzinfo=datetime.timezone.utc)


def some(value, row):
    return None if row % 7 == 3 else value


def table():
    rows = range(ROWS)
    secret = pa.array([some(f"{CANARY}{row}", row) for row in rows])
    person = pa.struct([("k", pa.string()), ("p", pa.string()), ("n", pa.string()), ("x", pa.int64())])
    who = {"k": "open", "p": "李明明", "n": CANARY, "x": 1}
    columns = {
        "k": pa.array([some(f"kept {row}", row) for row in rows]),
        "w": pa.array([some([row, None], row) for row in rows], pa.list_(pa.int64())),
        "p": pa.array([some("李明明", row) for row in rows]).dictionary_encode(),
        "b": pa.array([some(decimal.Decimal(row * 10), row) for row in rows], pa.decimal128(12, 2)),
        "d": pa.array([some(MOMENT, row) for row in rows], pa.timestamp("ms", tz="UTC")),
        "t": pa.array([some(row % 3, row) for row in rows], pa.int32()),
        "v": pa.array([some("yes" if row % 2 else "no", row) for row in rows]),
        "n": secret,
        "o": pa.array([some(who, row) for row in rows], person),
        "l": pa.array([some([who] * (row % 3), row) for row in rows], pa.list_(person)),
        "e": pa.array([some(["李明", None], row) for row in rows], pa.list_(pa.string())),
        "all": pa.array([some(DAY, row) for row in rows], pa.date32()),
        "unknown": secret.dictionary_encode(),
    }
    metadata = {"pandas": CANARY, CANARY: "x"}
    fields = [pa.field(name, column.type, metadata=metadata) for name, column in columns.items()]
    return pa.table(list(columns.values()), schema=pa.schema(fields, metadata=metadata))


def stream(path, table, **options):
    with pa.ipc.new_stream(str(path), table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        for batch in table.to_batches(max_chunksize=128):
            writer.write_batch(batch, custom_metadata={CANARY: CANARY})


def write(folder):
    whole = table()
    views = whole.set_column(0, "k", whole["k"].cast(pa.string_view()))
    stream(folder / "plain.arrows", whole)
    stream(folder / "views.arrows", views)
    stream(folder / "large.arrows", whole.set_column(0, "k", whole["k"].cast(pa.large_string())))
    stream(folder / "lz4.arrows", whole, compression="lz4")
    stream(folder / "zstd.arrows", whole, compression="zstd")
    for name in ["none", "snappy", "zstd", "lz4"]:
        pq.write_table(whole, folder / f"{name}.parquet", compression=name, row_group_size=128)
    pq.write_table(whole, folder / "v2.parquet", data_page_version="2.0", version="2.6")
    pq.write_table(whole, folder / "bare.parquet", use_dictionary=False, write_statistics=False)
    pq.write_table(whole, folder / "small.parquet", data_page_size=512, write_page_index=True)
    pq.write_table(whole, folder / "refused-gzip.parquet", compression="gzip")
    delta = {"k": "DELTA_BYTE_ARRAY"}
    pq.write_table(whole, folder / "refused-delta.parquet", use_dictionary=False, column_encoding=delta)


def person(row, value):
    return some({"k": "open", "p": "李*明"} if value else None, row)


def expected(row):
    return {
        "k": some(f"kept {row}", row),
        "w": some([row, None], row),
        "p": some("李*明", row),
        "b": some(decimal.Decimal(0 if row < 1 else 10 if row < 100 else 1000), row),
        # The next day has begun in China.
        "d": some("2001-09-09", row),
        "v": bool(row % 2) and row % 7 != 3,
        "o": person(row, True),
        "l": some([person(0, True)] * (row % 3), row),
        "e": some(["**", None], row),
        "all": some(DAY, row),
    }


def check(folder):
    for path in sorted(folder.iterdir()):
        if path.name.startswith("refused-"):
            continue
        is_stream = path.suffix == ".arrows"
        masked = pa.ipc.open_stream(str(path)).read_all() if is_stream else pq.read_table(path)
        masked.validate(full=True)
        assert masked.schema.metadata is None, path
        kept = [field.metadata for field in masked.schema]
        assert all(said is None or set(said) <= {b"PARQUET:field_id"} for said in kept), (path, kept)
        if not is_stream:
            footer = pq.ParquetFile(path).metadata
            assert all(
                footer.row_group(group).column(column).statistics is None
                for group in range(footer.num_row_groups)
                for column in range(footer.num_columns)
            ), path
        records = masked.to_pylist()
        assert len(records) == ROWS, (path, len(records))
        tokens = [record.pop("t") for record in records]
        assert all((token is None) == (row % 7 == 3) for row, token in enumerate(tokens)), path
        assert len(set(tokens)) == 4 and all(isinstance(token, str) for token in tokens if token), path
        for row, record in enumerate(records):
            assert record == expected(row), (path, row, record, expected(row))


if __name__ == "__main__":
    {"write": write, "check": check}[sys.argv[1]](pathlib.Path(sys.argv[2]))
