"""What a name says: words for personal data, people and moments in English, Russian and Kazakh, in either alphabet."""

import re
from functools import cache
from typing import Literal

Personal = Literal[
    "iin",
    "email",
    "phone",
    "ip",
    "secret",
    "device",
    "address",
    "money",
    "document",
    "birth",
    "name",
    "note",
    "url",
    "picture",
    "trait",
]
"""What of a person a column holds."""

_LOWER, _UPPER = "a-zа-яёәғқңөұүһі", "A-ZА-ЯЁӘҒҚҢӨҰҮҺІ"

# The first kind of which a word stands in the name. Words of five letters and more are found inside of longer ones
# too (`emailaddress`), unless they are written with an equals sign; a star stands for any ending.
_PERSONAL: tuple[tuple[Personal, str], ...] = (
    ("secret", "password passwd pwd passphrase token secret salt otp pin pincode cvv cvc парол* құпиясөз kupiyasoz"),
    ("iin", "iin иин жсн zhsn jsn"),
    ("document", "passport паспорт* төлқұжат* tolkuzhat удостоверен* udostoverenie куәлік* kualik licen?e_number"),
    ("document", "ssn snils снилс inn инн nationalid nationalidnumber personal_code driver_licen?e id_card doc_number"),
    ("email", "email mail =e_mail почта пошта pochta poshta эл_адрес"),
    ("phone", "phone telephone tel mobile cell fax msisdn whatsapp телефон* тел моб мобильн* факс ұялы uyaly telefon*"),
    ("ip", "ip ipaddr ipaddress ipv4 ipv6 client_ip remote_addr"),
    ("url", "referer referrer visited_url page_url"),
    ("device", "cookie useragent user_agent device_id imei imsi mac fingerprint session_id sessionid advertising_id"),
    ("money", "iban pan card_number cardnumber card credit_card account_number account_no bank_account номер_карты"),
    ("money", "карта шот iik иик номер_счета salary wage income зарплата оклад жалақы zhalaky payrate pay_rate"),
    ("birth", "birth birthday birthdate dob рожд* туған* tugan* birth_date date_of_birth"),
    ("address", "address =addr street postal postcode zip zipcode house flat apartment адрес* улица дом квартира"),
    ("address", "индекс мекен* mekenzhai көше koshe latitude longitude lat lon geo location_gps ulitsa adres*"),
    ("name", "firstname lastname middlename surname forename patronymic fullname givenname familyname nickname"),
    ("name", "first_name last_name middle_name full_name given_name family_name second_name login username user_name"),
    ("name", "фамил* имя отчеств* фио аты тегі tegi аты_жөні есімі әкесінің aty esimi famil* otchestvo imya fio"),
    ("name", "displayname display_name contact_name contactname contact applicant payer_name client_name"),
    ("note", "note notes comment comments remark remarks message messages body text description content feedback"),
    ("note", "memo transcript review complaint purpose примечан* коммент* текст описание сообщен* ескерт* мәтін"),
    ("note", "назначен* жалоба шағым primechanie kommentar* opisanie eskertu"),
    ("picture", "photo picture image avatar scan signature attachment attachments фото подпись сурет voice"),
    ("picture", "path file filename thumbnail original_name file_name путь файл"),
    ("trait", "gender sex nationality ethnicity religion marital marital_status disability diagnosis пол ұлты жынысы"),
    ("trait", "blood health title_of_courtesy job_title jobtitle education occupation диагноз должность"),
)
_WEAK = "json payload raw xml old new old_value new_value old_data new_data before after data данные"
_ABOUT = {"id", "count", "type", "status", "flag", "lang", "language", "hash", "verified", "at"}
_PEOPLE = "users user people person persons customer customers client clients patient patients student students"
_PEOPLE += " member members subscriber subscribers citizen borrower debtor debtors policyholder applicant guest guests"
_PEOPLE += " клиент* пользовател* абонент* люди физлиц* граждан* заемщик* должник* пациент* адам* тұлға* тұтынушы*"
_PEOPLE += " klient* polzovatel* abonent* adamdar tutynushy visitor visitors passenger passengers owner owners tenant"
_OTHER_PEOPLE = "employee employees staff worker workers supplier suppliers vendor vendors manager account accounts"
_OTHER_PEOPLE += " contact contacts agent agents author authors actor actors сотрудник* қызметкер* поставщик* profile"
_ACTIVE = "login loggedin lastlogin seen visit visited visits accessed access active activity signin last_login"
_ACTIVE += " кіру вход визит соңғы posledn*"
_DOING = "order ordered paid pay payment purchase purchased submitted submission signed rental rented return returned"
_DOING += " booked booking booking_date invoice sold request requested call called closed completed finished played"
_DOING += " оплат* заказ* төлем* өтініш* жабыл* закрыт* подан* date at on when дата күні"
_MADE = "created creation create inserted registered registration joined signup opened since создан* регистр* тіркел*"
_NOT_THEIRS = "birth birthday dob due expire expires expiry expected valid until till deadline end_of updated update"
_NOT_THEIRS += " modified modification changed change deleted version synced exported imported рожд* туған* hire hired"
_NOT_THEIRS += " изменен* обновлен* өзгер* release discontinued sellstart sellend approved"
_ENDED = "closed closed_at ended ended_at end_date paid paid_at paid_date completed completed_at returned return_date"
_ENDED += " resolved resolved_at settled finished finished_at cancelled_at payment_date закрыт* жабыл*"
_BLOCKED = "blocked restricted processing_blocked blocked_at restricted_at заблокир* бұғат* bugat*"


@cache
def words_of(name: str) -> tuple[str, ...]:
    """The words of a name in lower case: `LastName2` and `last name_2` are both last, name."""
    spaced = re.sub(rf"(?<=[{_LOWER}0-9])(?=[{_UPPER}])", "_", name).lower().replace("e-mail", "email")
    return tuple(w for part in re.split(r"[\W_]+", spaced) if (w := part.strip("0123456789")))


@cache
def personal_kind(name: str) -> Personal | None:
    """What of a person a column of this name holds, None if the name does not say."""
    found = next((kind for kind, words in _PERSONAL if _says(name, words)), None)
    if words_of(name)[-1:] and words_of(name)[-1] in _ABOUT and found not in ("secret", "device"):
        return None  # `phone_id` is a number for a phone, not a phone
    return found


@cache
def may_hold_anything(name: str) -> bool:
    """Whether a text of this name may be a copy of something personal."""
    return _says(name, _WEAK)


@cache
def is_bare_name(name: str) -> bool:
    """Whether a column is called `name` and nothing says whose."""
    return words_of(name)[-1:] in (("name",), ("название",), ("атауы",), ("title",))


@cache
def people_named(table: str) -> int:
    """How much a table's name is one for people whose term is counted: 2, 1 for other people, 0."""
    return 2 if _says(table, _PEOPLE) else 1 if _says(table, _OTHER_PEOPLE) else 0


@cache
def activity(name: str) -> int:
    """How much a moment of this name is something that the person did: from 3 down to 0, not at all."""
    if _says(name, _NOT_THEIRS) or is_block(name):
        return 0
    return 3 if _says(name, _ACTIVE) else 1 if _says(name, _MADE) else 2 if _says(name, _DOING) else 0


@cache
def is_end(name: str) -> bool:
    """Whether a moment of this name is the end of something that was open before."""
    return _says(name, _ENDED)


@cache
def is_block(name: str) -> bool:
    """Whether a value in a column of this name may mean that the law blocks the person's data."""
    return _says(name, _BLOCKED)


def _says(name: str, words: str) -> bool:
    return _pattern(words).search(f"_{'_'.join(words_of(name))}_") is not None


@cache
def _pattern(words: str) -> re.Pattern[str]:
    return re.compile("|".join(_alternative(word) for word in words.split()))


def _alternative(word: str) -> str:
    exact, bare = word.startswith("="), word.strip("=*")
    inside = re.escape(bare).replace(r"\?", "[sc]")
    end = "" if word.endswith("*") else "_"
    if len(bare) >= 5 and not exact and "_" not in bare:
        return inside if end == "" else f"{inside}(?:s?_|(?<={inside})[a-zа-я])"
    return f"_{inside}{end}"
