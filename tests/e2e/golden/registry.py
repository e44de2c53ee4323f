# SPDX-License-Identifier: MIT
"""A registry as text: restored from SQL, dumped as SQL, and told line by line in masked JSON."""
import json
import os
import sqlite3

LEFT_OUT = {"published", "published_datasets", "schema_migrations"}  # the program's own, the same in every registry


def connect(path):
    return sqlite3.connect("file:%s?mode=ro" % path, uri=True)


def tables(connection):
    return [name for name, in connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")]


def rows(connection, table):
    names = [column[1] for column in connection.execute("PRAGMA table_info(%s)" % table)]
    order = ", ".join(str(i + 1) for i in range(min(3, len(names))))
    return names, connection.execute("SELECT * FROM %s ORDER BY %s" % (table, order)).fetchall()


def tell(path, mask):
    """The schema, then every row of every table as one object; a blob by its size."""
    connection, lines = connect(path), []
    for kind, name, sql in connection.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type DESC, name"):
        lines += ["-- %s %s" % (kind, name)] + [line.rstrip() for line in sql.splitlines()]
    for table in tables(connection):
        if table in LEFT_OUT:
            continue
        names, found = rows(connection, table)
        lines += ["", "-- rows of %s" % table]
        for row in found:
            fields = {name: "blob of %d bytes" % len(value) if isinstance(value, bytes) else value
                      for name, value in zip(names, row)}
            path_of = ("values",) if table == "job_metrics" and fields["epoch"] else ()
            lines.append(mask.json(json.dumps(fields, ensure_ascii=False), path_of))
    connection.close()
    return "\n".join(lines) + "\n"


def save(path, out):
    """As SQL that makes the registry anew. Figures of MNIST are made those published for its images, so that its tables
    have some."""
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO published_datasets SELECT 'mnist', digest FROM datasets WHERE name = 'bars'")
    connection.commit()
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    with open(out, "w", encoding="utf-8") as file:
        file.write("PRAGMA application_id = %d;\nPRAGMA user_version = %d;\n" % (application, version))
        for line in connection.iterdump():
            file.write(line + "\n")
    connection.close()


def restore(source, path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    connection = sqlite3.connect(path)
    with open(source, encoding="utf-8") as file:
        connection.executescript(file.read())
    connection.close()


def differences(before, after):
    """What the older registry held and the newer has otherwise; what a migration added is no difference."""
    old, new, found = connect(before), connect(after), []
    for table in tables(old):
        if table not in tables(new):
            found.append("there is no table %s any more" % table)
            continue
        names, was = rows(old, table)
        now_names, now = rows(new, table)
        missing = [name for name in names if name not in now_names]
        if missing:
            found.append("%s: columns %s are gone" % (table, ", ".join(missing)))
            continue
        at = [now_names.index(name) for name in names]
        shown = [tuple(row[i] for i in at) for row in now]
        if table in LEFT_OUT:
            shown = [row for row in shown if row in was]
        found += ["%s: lost or changed: %.200r" % (table, row) for row in was if row not in shown]
        found += ["%s: new: %.200r" % (table, row) for row in shown if row not in was]
    return found
