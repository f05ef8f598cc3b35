"""Which entity of a system a file is: the heading says it, whatever the file is called."""

from landing.layouts import Entity
from landing.words import one_or_more, with_nearest

# The delimiters under which a heading is tried, and their names.
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


def recognize(entities: list[Entity], readings: dict[str, list[str]]) -> tuple[str, Entity]:
    """Return the delimiter and the entity of a file.

    `readings` are the columns under each delimiter; '' is that of a format without delimiters.
    Raises ValueError if no entity fits, or if several do.
    """
    fitting = [
        (delimiter, entity)
        for delimiter, columns in readings.items()
        for entity in entities
        if entity.fits(columns)
    ]
    # a heading may fit under several delimiters, and the right one gives the most columns
    fitting.sort(key=lambda one: -len(readings[one[0]]))
    if len({entity.name for _, entity in fitting}) == 1:
        return fitting[0]
    if fitting:
        ones = sorted({entity.name: entity for _, entity in fitting}.items())
        names = " and ".join(name for name, _ in ones)
        told = "; ".join(f"{name} needs {', '.join(entity.required)}" for name, entity in ones)
        raise ValueError(
            f"the heading fits {names} of {entities[0].system}; remove the columns of all but one,"
            f" or split the file: {told}"
        )
    raise ValueError(_unrecognized(entities, readings))


def _unrecognized(entities: list[Entity], readings: dict[str, list[str]]) -> str:
    """Return what the nearest entity lacks in a heading that no entity fits."""

    def lacking(entity: Entity, columns: list[str]) -> list[str]:
        return [name for name in entity.required if name not in columns]

    entity, columns = min(
        ((entity, columns) for columns in readings.values() for entity in entities),
        key=lambda one: (
            len(lacking(*one)) / max(len(one[0].required), 1),
            -len(set(one[0].columns) & set(one[1])),
            -len(one[1]),
        ),
    )
    known = ", ".join(sorted(entity.name for entity in entities))
    lacks = lacking(entity, columns)
    if not lacks:
        extra = [name for name in entity.absent if name in columns]
        why = f"{one_or_more('column', extra)} not of it"
    else:
        why = f"required {one_or_more('column', lacks)} missing"
        if like := with_nearest(lacks, [name for name in columns if name not in entity.columns]):
            why += f"; nearest in the file: {like}"
    return (
        f"not recognized as one of {known} of {entity.system}; the nearest is {entity.name}:"
        f" {why}; the file has: {', '.join(columns)}"
    )
