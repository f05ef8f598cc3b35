"""The landing zone: which files lie in it, what each holds, and what is wrong with them.

A file is looked into, never changed. The layouts that are known stand in YAML files below models/:
the raw contract in staging/_sources.yml, each system's layout in sources/<system>/. This package
knows neither dbt nor Dagster.

    files        what lies in the landing zone, and what is passed over
    texts        the structure of a CSV file: encoding, line ends, quotes, number of records
    formats      columns, types and number of records of CSV, Parquet and JSON files
    layouts      the tables of the contract and the entities of each system
    recognition  which entity of a system a file is
    mapping      _mapping.yml, by which a file of any other export is read
    inventory    one row per file, and all faults at once
"""
