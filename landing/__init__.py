"""The landing zone: which files lie in it, what each holds, and what is wrong with them.

A file is looked into, never changed. The layouts that are known stand in YAML files below models/:
the raw contract in staging/_sources.yml, each system's layout in sources/<system>/. This package
knows neither dbt nor Dagster.

    words        names that were meant, and lists of names, for messages
    names        what exports call the columns of the contract
    files        what lies in the landing zone, and what is passed over
    texts        the structure of a CSV file: encoding, line ends, quotes, number of records
    formats      columns, types and number of records of CSV, Parquet and JSON files
    layouts      the tables of the contract and the entities of each system
    recognition  which entity of a system a file is
    mapping      _mapping.yml, by which a file of any other export is read
    places       which folder is read by what
    inventory    one row per file, and all faults at once

    check        make check-raw; its lines are made in report
    sample       the first records of a file, as texts
    forms        the forms in which texts are times and amounts
    macros       the project's own SQL, rendered without dbt
    judging      which records of a sample the contract would reject
    guess        a first guess of _mapping.yml
"""
