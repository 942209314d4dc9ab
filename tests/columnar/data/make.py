"""Makes the files of this folder with ClickHouse's own engine: pip install chdb==4.4.0 (ClickHouse 26.9), then run this.

They are kept, because the engine is half a gigabyte and Debian's ClickHouse writes neither format.
"""

import pathlib

import chdb

QUERY = """
select
    toLowCardinality(concat('kind-', toString(number % 3))) as k,
    concat('a', toString(number), 'kanarie7391vogel') as p,
    if(number % 3 = 0, null, concat('kanarie7391vogel-', toString(number))) as n,
    toDecimal64(number * 37, 2) as b,
    toDateTime64('2026-11-01 10:11:12.345', 3, 'UTC') + toIntervalDay(number) as d,
    concat('kanarie7391vogel', toString(number)) as t,
    CAST(tuple(number, concat('b', toString(number), 'kanarie7391vogel')), 'Tuple(k UInt64, p String)') as o,
    [concat('kanarie7391vogel', toString(number)), 'xyz'] as e,
    [number, number + 1] as w,
    map('kanarie7391vogel', number) as unknown_map,
    toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0') as unknown_id
from numbers(40)
"""
# `refused-`: codings that are unpacked nowhere inside of a file.
SETTINGS = {
    "default.parquet": "",
    "none.parquet": "output_format_parquet_compression_method='none'",
    "lz4.parquet": "output_format_parquet_compression_method='lz4'",
    "snappy.parquet": "output_format_parquet_compression_method='snappy'",
    "refused-gzip.parquet": "output_format_parquet_compression_method='gzip'",
    "refused-brotli.parquet": "output_format_parquet_compression_method='brotli'",
    "default.arrows": "",
    "none.arrows": "output_format_arrow_compression_method='none'",
    "zstd.arrows": "output_format_arrow_compression_method='zstd'",
    "dictionary.arrows": "output_format_arrow_low_cardinality_as_dictionary=1",
}

for name, settings in SETTINGS.items():
    form = "Parquet" if name.endswith(".parquet") else "ArrowStream"
    query = QUERY + (f" settings {settings}" if settings else "")
    pathlib.Path(__file__).with_name(f"clickhouse-{name}").write_bytes(chdb.query(query, form).bytes())
