"""A database as people have them: the 20 tables of Northwind for MySQL (dalers/mywind on GitHub, BSD licence, © 2014
Dale Scott). Only the names and kinds of its columns are told, in words of our own; who stands in it is invented below.
"""

import random
from datetime import date, timedelta

CONTACT = """id key, company text, last_name text, first_name text, email_address text, job_title text,
    business_phone text, home_phone text, mobile_phone text, fax_number text, address text, city text,
    state_province text, zip_postal_code text, country_region text, web_page text, notes text, attachments blob"""
TABLES = {
    "customers": CONTACT,
    "employees": CONTACT,
    "shippers": CONTACT,
    "suppliers": CONTACT,
    "privileges": "id key, privilege_name text",
    "employee_privileges": "employee_id employees, privilege_id privileges",
    "inventory_transaction_types": "id key, type_name text",
    "orders_tax_status": "id key, tax_status_name text",
    "orders_status": "id key, status_name text",
    "order_details_status": "id key, status_name text",
    "purchase_order_status": "id key, status text",
    "products": """supplier_ids text, id key, product_code text, product_name text, description text,
        standard_cost money, list_price money, reorder_level int, target_level int, quantity_per_unit text,
        discontinued int, minimum_reorder_quantity int, category text, attachments blob""",
    "orders": """id key, employee_id employees, customer_id customers, order_date time, shipped_date time,
        shipper_id shippers, ship_name text, ship_address text, ship_city text, ship_state_province text,
        ship_zip_postal_code text, ship_country_region text, shipping_fee money, taxes money, payment_type text,
        paid_date time, notes text, tax_rate money, tax_status_id orders_tax_status, status_id orders_status""",
    "purchase_orders": """id key, supplier_id suppliers, created_by employees, submitted_date time, creation_date time,
        status_id purchase_order_status, expected_date time, shipping_fee money, taxes money, payment_date time,
        payment_amount money, payment_method text, notes text, approved_by int, approved_date time, submitted_by int""",
    "inventory_transactions": """id key, transaction_type inventory_transaction_types, transaction_created_date time,
        transaction_modified_date time, product_id products, quantity int, purchase_order_id purchase_orders,
        customer_order_id orders, comments text""",
    "invoices": """id key, order_id orders, invoice_date time, due_date time, tax money, shipping money,
        amount_due money""",
    "order_details": """id key, order_id orders, product_id products, quantity money, unit_price money,
        discount money, status_id order_details_status, date_allocated time, purchase_order_id int, inventory_id int""",
    "purchase_order_details": """id key, purchase_order_id purchase_orders, product_id products, quantity money,
        unit_cost money, date_received time, posted_to_inventory int, inventory_id inventory_transactions""",
    "sales_reports": "group_by text, display text, title text, filter_row_source text, default int",
    "strings": "string_id key, string_data text",
}
KINDS = {
    "key": "INTEGER PRIMARY KEY",
    "text": "VARCHAR(250)",
    "money": "NUMERIC(19, 4)",
    "time": "TIMESTAMP",
    "int": "INTEGER",
    "blob": "BYTEA",
}
CUSTOMERS, TODAY = 150, date(2026, 7, 1)


def schema() -> list[str]:
    """DDL for PostgreSQL, with an index for each foreign key."""
    found = []
    for table, columns in TABLES.items():
        parts = []
        for column in columns.split(","):
            name, kind = column.split()
            quoted = f'"{name}"'
            parts.append(f"{quoted} {KINDS[kind]}" if kind in KINDS else f"{quoted} INTEGER REFERENCES {kind} (id)")
        if table == "employee_privileges":
            parts.append("PRIMARY KEY (employee_id, privilege_id)")
        found.append(f"CREATE TABLE {table} ({', '.join(parts)})")
        found += [
            f"CREATE INDEX ON {table} ({name})"
            for name, kind in (column.split() for column in columns.split(","))
            if kind in TABLES
        ]
    return found


def rows() -> list[str]:
    """People and what they bought: every third customer last long ago, some with an order that was never paid."""
    drawn = random.Random(20)
    found = [f"INSERT INTO orders_status VALUES ({i}, 's{i}')" for i in range(4)]
    found += [f"INSERT INTO {t} (id, company, last_name) VALUES (1, 'x', 'y')" for t in ("employees", "shippers")]
    found.append("INSERT INTO products (id, product_name) VALUES (1, 'Chai')")
    number = 0
    for person in range(1, CUSTOMERS + 1):
        found.append(
            "INSERT INTO customers"
            " (id, company, last_name, first_name, email_address, mobile_phone, address, city, notes)"
            f" VALUES ({person}, 'Company {person}', 'Last{person}', 'First{person}', 'c{person}@mail.kz',"
            f" '+77010000{person:03d}', 'Street {person}', 'Almaty', 'call c{person}@mail.kz')"
        )
        for _ in range(drawn.randrange(4)):
            number += 1
            oldest, newest = (2600, 1400) if person % 3 == 0 else (1400, 10)
            at = TODAY - timedelta(days=drawn.randrange(newest, oldest))
            paid = "NULL" if drawn.random() < 0.15 else f"'{at + timedelta(days=5)}'"
            found += [
                "INSERT INTO orders (id, employee_id, customer_id, order_date, shipper_id, ship_name, ship_address,"
                f" paid_date, notes, status_id) VALUES ({number}, 1, {person}, '{at}', 1, 'First{person}',"
                f" 'Street {person}', {paid}, 'leave it with Last{person}, +77010000{person:03d}', 3)",
                f"INSERT INTO order_details (id, order_id, product_id, quantity) VALUES ({number}, {number}, 1, 2)",
                f"INSERT INTO invoices (id, order_id, invoice_date) VALUES ({number}, {number}, '{at}')",
                "INSERT INTO inventory_transactions (id, product_id, quantity, customer_order_id, comments)"
                f" VALUES ({number}, 1, 2, {number}, 'for c{person}@mail.kz')",
            ]
    return found
