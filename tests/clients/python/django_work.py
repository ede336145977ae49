"""Django: a day's work, its own applications' migrations first. Argument: a connection string."""
import contextlib
import decimal
import io
import sys
import urllib.parse

import django
from django.conf import settings

from checks import equal, must_fail, run

URL = urllib.parse.urlsplit(sys.argv[1])
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": URL.path[1:], "USER": URL.username, "HOST": URL.hostname,
                           "PORT": URL.port}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", USE_TZ=True, SECRET_KEY="of no use elsewhere, but fifty characters long")
django.setup()

from django.contrib.auth.models import Group, Permission, User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import IntegrityError, ProgrammingError, connection, models, transaction  # noqa: E402


def command(*words):
    with contextlib.redirect_stdout(io.StringIO()) as told:
        call_command(*words)
    return told.getvalue()


class Item(models.Model):
    name = models.CharField(max_length=50, unique=True)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    made = models.DateTimeField(auto_now_add=True)
    more = models.JSONField(default=dict)
    owner = models.ForeignKey(User, models.CASCADE, null=True)

    class Meta:
        app_label = "work"


def tables():
    command("migrate", "-v", "0")
    command("migrate", "-v", "0", "auth", "0008")
    command("migrate", "-v", "0")
    with connection.schema_editor() as editor:
        editor.create_model(Item)
    field = models.IntegerField(default=5)
    field.set_attributes_from_name("stock")
    with connection.schema_editor() as editor:
        editor.add_field(Item, field)
        editor.remove_field(Item, field)
    assert Permission.objects.count() > 10


def mapped_objects():
    ada = User.objects.create_user("ada", password="x")
    ada.groups.add(Group.objects.create(name="staff"))
    Item.objects.bulk_create([Item(name="item %d" % i, price=decimal.Decimal(i) / 4, more={"n": i}, owner=ada) for i in range(100)])
    equal(Item.objects.filter(owner__groups__name="staff", price__lt=1).count(), 4)
    equal(Item.objects.filter(more__n=7).get().name, "item 7")
    equal(Item.objects.filter(name__startswith="item 9").aggregate(models.Sum("price"))["price__sum"], decimal.Decimal("238.50"))
    equal(Item.objects.filter(name__icontains="ITEM 5").update(price=models.F("price") + 1), 11)
    one, made = Item.objects.update_or_create(name="item 1", defaults={"price": 3})
    equal((one.price, made), (3, False))


def parameters():
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::int + 1, %s", [41, "100%"])
        equal(cursor.fetchone(), (42, "100%"))


def transactions():
    with contextlib.suppress(ZeroDivisionError), transaction.atomic():
        Item.objects.all().delete()
        raise ZeroDivisionError
    with transaction.atomic():
        with contextlib.suppress(IntegrityError), transaction.atomic():
            Item.objects.create(name="item 1", price=1)
        locked = Item.objects.select_for_update(skip_locked=True).get(name="item 2")
        locked.price = 9
        locked.save()
    equal(Item.objects.count(), 100)


def errors():
    must_fail(lambda: Item.objects.create(name="item 3", price=1), IntegrityError, lambda error: "work_item_name" in str(error))
    must_fail(lambda: Item.objects.raw("SELECT nope FROM work_item")[0], ProgrammingError)


def cursors():
    equal(sum(1 for _ in Item.objects.order_by("id").iterator(chunk_size=10)), 100)


def reflection():
    said = command("inspectdb", "work_item", "auth_user_groups")
    for word in ("unique=True", "max_digits=10, decimal_places=2", "JSONField", "ForeignKey('AuthUser'", "unique_together = (('user', 'group'),)"):
        assert word in said, (word, said)


def time_travel():
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        [moment] = cursor.fetchone()
        Item.objects.all().delete()
        equal(Item.objects.count(), 0)
        cursor.execute("SELECT count(*) FROM work_item AS OF TIMESTAMP %s", [moment.isoformat()])
        equal(cursor.fetchone(), (100,))


def reconnecting():
    with contextlib.suppress(django.db.OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        cursor.execute("SELECT 1")
    connection.close_if_unusable_or_obsolete()
    equal(Group.objects.count(), 1)


run([tables, mapped_objects, parameters, transactions, errors, cursors, reflection, time_travel, reconnecting])
