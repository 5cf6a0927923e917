"""Invented names of Kazakhstan: a Faker provider of our own, because Faker has no kk_KZ locale.

Kazakh and Russian first names, surnames and patronymics that fit the sex. Real people bear such
names; a drawn combination points to nobody in particular.
"""

from functools import cache
from typing import Literal

Sex = Literal["female", "male"]
Tongue = Literal["kazakh", "russian"]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FIRST_NAMES: dict[tuple[Tongue, Sex], tuple[str, ...]] = {
    ("kazakh", "male"): _words(
        "Айдар Айдос Алмас Арман Асқар Әділ Әлихан Бауыржан Бақыт Берік Болат Ғани Дәурен Дәулет "
        "Ерлан Ербол Ержан Ерік Жандос Жасұлан Жомарт Қайрат Қанат Қуаныш Мақсат Марат Мұрат Нұрбол "
        "Нұржан Нұрлан Олжас Ораз Өмір Рүстем Самат Санжар Серік Талғат Темірлан Төлеген Ұлан Хамит "
        "Шыңғыс Ілияс"
    ),
    ("kazakh", "female"): _words(
        "Айгерім Айгүл Айжан Айнұр Ақбота Ақмарал Алма Алтынай Анар Арайлым Асель Әлия Әсем Баян "
        "Ботагөз Гаухар Гүлмира Гүлнар Ғалия Дана Динара Жанар Жанна Жұлдыз Зарина Зере Индира "
        "Қарлығаш Құралай Ләззат Меруерт Мөлдір Назгүл Нұргүл Раушан Сандуғаш Сәуле Толқын Ұлжан "
        "Шолпан Шынар Іңкәр"
    ),
    ("russian", "male"): _words(
        "Александр Алексей Андрей Антон Артём Борис Вадим Валерий Василий Виктор Виталий Владимир "
        "Денис Дмитрий Евгений Егор Иван Игорь Кирилл Максим Михаил Николай Олег Павел Пётр Роман "
        "Сергей Фёдор Юрий Ярослав"
    ),
    ("russian", "female"): _words(
        "Александра Алёна Алина Анастасия Анна Валентина Вера Виктория Галина Дарья Екатерина Елена "
        "Жанна Зоя Инна Ирина Ксения Лариса Любовь Людмила Марина Мария Надежда Наталья Ольга Оксана "
        "Полина Светлана Татьяна Юлия"
    ),
}
# A woman's surname takes an "а" at the end.
_SURNAMES: dict[Tongue, tuple[str, ...]] = {
    "kazakh": _words(
        "Абдрахманов Айтбаев Алимбеков Аманжолов Асанов Ахметов Әбдіров Әлімов Байжанов Баймұхамедов "
        "Бектұров Бердібеков Бейсенов Дүйсенов Ералиев Есенов Жақыпов Жансейітов Жұмабаев Жүнісов "
        "Ибраев Исаев Кенжебаев Көшербаев Қалиев Қасымов Қоңырбаев Құрманов Махамбетов Молдабеков "
        "Мұқанов Мұсин Нұрғалиев Нұрпейісов Оразбаев Омаров Өтегенов Рахимов Сағынтаев Садуақасов "
        "Сапаров Сейітов Смағұлов Сұлтанов Тілеубаев Төлеуов Тұрсынов Үсенов Хасенов Шәкіров Шарипов "
        "Ысқақов Ілиясов"
    ),
    "russian": _words(
        "Александров Андреев Антонов Белов Борисов Васильев Виноградов Волков Воробьёв Гусев Дмитриев "
        "Егоров Ершов Жуков Зайцев Захаров Иванов Ильин Калинин Киселёв Комаров Кузнецов Лебедев "
        "Макаров Медведев Михайлов Морозов Никитин Николаев Новиков Орлов Павлов Петров Поляков Попов "
        "Романов Семёнов Сергеев Смирнов Соколов Соловьёв Тарасов Титов Фёдоров Филиппов Фомин Шишкин "
        "Яковлев"
    ),
}
_PATRONYMICS: dict[tuple[Tongue, Sex], tuple[str, ...]] = {
    ("kazakh", "male"): tuple(f"{father}ұлы" for father in _FIRST_NAMES["kazakh", "male"]),
    ("kazakh", "female"): tuple(f"{father}қызы" for father in _FIRST_NAMES["kazakh", "male"]),
    ("russian", "male"): _words(
        "Александрович Алексеевич Андреевич Антонович Борисович Васильевич Викторович Владимирович "
        "Дмитриевич Евгеньевич Иванович Игоревич Максимович Михайлович Николаевич Олегович Павлович "
        "Петрович Романович Сергеевич Фёдорович Юрьевич Ярославович"
    ),
    ("russian", "female"): _words(
        "Александровна Алексеевна Андреевна Антоновна Борисовна Васильевна Викторовна Владимировна "
        "Дмитриевна Евгеньевна Ивановна Игоревна Максимовна Михайловна Николаевна Олеговна Павловна "
        "Петровна Романовна Сергеевна Фёдоровна Юрьевна Ярославовна"
    ),
}
_LAST_NAMES: dict[tuple[Tongue, Sex], tuple[str, ...]] = {
    (tongue, sex): tuple(f"{name}а" if sex == "female" else name for name in names)
    for tongue, names in _SURNAMES.items()
    for sex in ("female", "male")
}
Part = Literal["last", "first", "middle"]
POOLS: dict[Part, dict[tuple[Tongue, Sex], tuple[str, ...]]] = {
    "last": _LAST_NAMES,
    "first": _FIRST_NAMES,
    "middle": _PATRONYMICS,
}
PEOPLE: tuple[tuple[Tongue, Sex], ...] = tuple(_FIRST_NAMES)


@cache
def every_name(part: Part) -> frozenset[str]:
    """Every name that can be drawn for a part."""
    return frozenset(name for pool in POOLS[part].values() for name in pool)
