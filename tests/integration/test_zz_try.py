import pytest
from tests.integration.small_operator import *
@pytest.fixture(params=BOTH)
def shop(request, tmp_path):
    yield from operator_on(request.param, request, tmp_path)
def test_a(shop):
    shop.sql(*people(1,2,3), person(4, LATELY),
      "INSERT INTO orders VALUES (1,1,'x'),(2,2,'y')", "INSERT INTO lines VALUES (1,1,'l')",
      "INSERT INTO payments VALUES (1,1,'900100000001','p','2021-01-01 00:00:00')", "INSERT INTO letters VALUES (1,'p4@mail.kz','2020-01-01 00:00:00'),(2,'p1@mail.kz','2020-01-01 00:00:00')")
    before = shop.contents()
    out = shop.approved_night()
    print(out)
    after = shop.contents()
    print(after)
    for s in shop.segments(out.run_id): print(shop.restore(s))
    assert shop.contents() == before
    out = shop.night(); print(out)
    assert shop.contents() == before
