-- The invented operator's database on SQLite: what a debt-collection agency's application has grown into.
-- It belongs to the operator: nothing here knows of merzim. Kept column for column equal to schema_postgresql.sql (tested).
-- Moments are text 'YYYY-MM-DD HH:MM:SS' in UTC where a column does not say otherwise, dates 'YYYY-MM-DD'.

CREATE TABLE regions (
    id      INTEGER PRIMARY KEY,
    code    VARCHAR(8) NOT NULL,
    name    TEXT NOT NULL,
    UNIQUE (code)
);

CREATE TABLE users (
    id                     INTEGER PRIMARY KEY,
    login                  VARCHAR(128) NOT NULL,
    password_hash          VARCHAR(255) NOT NULL,
    iin                    VARCHAR(12) CHECK (length(iin) = 12),    -- not unique: one person may have two accounts
    last_name              VARCHAR(100) NOT NULL,
    first_name             VARCHAR(100) NOT NULL,
    middle_name            VARCHAR(100),
    birth_date             DATE,
    email                  VARCHAR(254),                            -- not unique: couples share an address
    phone_mobile           VARCHAR(40),
    phone_home             VARCHAR(40),
    phone_work             VARCHAR(40),
    address                TEXT,
    region_id              INTEGER REFERENCES regions (id),
    status                 VARCHAR(16) NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'closed')),
    created_at             DATETIME NOT NULL,
    last_login_at          DATETIME,
    deleted_at             DATETIME,                                -- soft deletion: the row stays
    processing_blocked_at  DATETIME,                                -- blocked by law, not a closed login
    UNIQUE (login)
);
CREATE INDEX users_iin ON users (iin);
CREATE INDEX users_email ON users (email);
CREATE INDEX users_region_id ON users (region_id);
CREATE INDEX users_last_login_at ON users (last_login_at);

CREATE TABLE registration_forms (
    id            INTEGER PRIMARY KEY,
    user_id       INTEGER NOT NULL REFERENCES users (id),
    last_name     VARCHAR(100),
    first_name    VARCHAR(100),
    middle_name   VARCHAR(100),
    iin           VARCHAR(20),                                      -- as typed
    email         VARCHAR(254),
    phone_mobile  VARCHAR(40),
    phone_home    VARCHAR(40),
    phone_work    VARCHAR(40),
    birth_date    DATE,
    raw_json      JSON,
    ip            VARCHAR(45),
    submitted_at  DATETIME NOT NULL
);
CREATE INDEX registration_forms_user_id ON registration_forms (user_id);
CREATE INDEX registration_forms_submitted_at ON registration_forms (submitted_at);

CREATE TABLE scanned_documents (
    id              INTEGER PRIMARY KEY,
    user_id         INTEGER NOT NULL REFERENCES users (id),
    kind            VARCHAR(32) NOT NULL,
    basis           VARCHAR(16) NOT NULL CHECK (basis IN ('registration', 'contract')),
    file_path       VARCHAR(400),
    thumbnail_path  VARCHAR(400),
    original_name   VARCHAR(255),
    doc_number      VARCHAR(32),
    ocr_text        TEXT,
    digest          BLOB,                                           -- SHA-256 of the file
    uploaded_at     DATETIME NOT NULL
);
CREATE INDEX scanned_documents_user_id ON scanned_documents (user_id);
CREATE INDEX scanned_documents_uploaded_at ON scanned_documents (uploaded_at);

CREATE TABLE feedback_messages (
    id           INTEGER PRIMARY KEY,
    user_id      INTEGER REFERENCES users (id),                     -- NULL: a stranger wrote
    name         VARCHAR(200),
    email        VARCHAR(254),
    phone        VARCHAR(40),
    body         TEXT NOT NULL,
    attachments  JSON,
    created_at   DATETIME NOT NULL,
    closed_at    DATETIME
);
CREATE INDEX feedback_messages_user_id ON feedback_messages (user_id);
CREATE INDEX feedback_messages_created_at ON feedback_messages (created_at);
CREATE INDEX feedback_messages_closed_at ON feedback_messages (closed_at);

CREATE TABLE complaints (
    id          INTEGER PRIMARY KEY,
    user_id     INTEGER REFERENCES users (id),                      -- NULL: known by IIN only, or not at all
    iin         VARCHAR(20),
    applicant   VARCHAR(200) NOT NULL,
    text        TEXT NOT NULL,
    outcome     VARCHAR(16) CHECK (outcome IN ('satisfied', 'refused', 'explained')),
    created_at  DATETIME NOT NULL,
    due_at      DATE NOT NULL,
    closed_at   DATETIME
);
CREATE INDEX complaints_user_id ON complaints (user_id);
CREATE INDEX complaints_iin ON complaints (iin);
CREATE INDEX complaints_created_at ON complaints (created_at);
CREATE INDEX complaints_closed_at ON complaints (closed_at);

CREATE TABLE debt_cases (
    id                INTEGER PRIMARY KEY,
    user_id           INTEGER NOT NULL REFERENCES users (id),
    iin               VARCHAR(12) CHECK (length(iin) = 12),         -- a copy of users.iin
    contract_no       VARCHAR(40),
    creditor          VARCHAR(100) NOT NULL,
    amount            NUMERIC(14, 2) NOT NULL CHECK (amount >= 0),
    currency          VARCHAR(3) NOT NULL CHECK (length(currency) = 3),
    outcome           VARCHAR(16) CHECK (outcome IN ('paid', 'settled', 'returned', 'written off')),
    status            VARCHAR(16) NOT NULL CHECK (status IN ('open', 'closed')),
    notes             TEXT,
    court_case        VARCHAR(40),                                  -- while a court hears it
    state_request_at  DATETIME,                                     -- while a state body's request is unanswered
    opened_at         DATETIME NOT NULL,
    closed_at         DATETIME,
    UNIQUE (contract_no)
);
CREATE INDEX debt_cases_user_id ON debt_cases (user_id);
CREATE INDEX debt_cases_iin ON debt_cases (iin);
CREATE INDEX debt_cases_closed_at ON debt_cases (closed_at);

CREATE TABLE case_parties (
    id         INTEGER PRIMARY KEY,
    case_id    INTEGER NOT NULL REFERENCES debt_cases (id),
    role       VARCHAR(16) NOT NULL CHECK (role IN ('guarantor', 'relative', 'representative')),
    full_name  VARCHAR(200) NOT NULL,
    iin        VARCHAR(20),
    phone      VARCHAR(40)
);
CREATE INDEX case_parties_case_id ON case_parties (case_id);

CREATE TABLE payments (
    id          INTEGER PRIMARY KEY,
    user_id     INTEGER REFERENCES users (id),                      -- the account it was booked to; NULL: not matched yet
    case_id     INTEGER NOT NULL REFERENCES debt_cases (id),
    amount      NUMERIC(14, 2) NOT NULL CHECK (amount > 0),
    currency    VARCHAR(3) NOT NULL CHECK (length(currency) = 3),
    paid_at     DATE NOT NULL,
    payer_name  VARCHAR(200),
    payer_iin   VARCHAR(12) CHECK (length(payer_iin) = 12),         -- may be another person than the debtor
    iban        VARCHAR(34),
    purpose     TEXT
);
CREATE INDEX payments_user_id ON payments (user_id);
CREATE INDEX payments_case_id ON payments (case_id);
CREATE INDEX payments_payer_iin ON payments (payer_iin);
CREATE INDEX payments_paid_at ON payments (paid_at);

CREATE TABLE contact_attempts (
    id             INTEGER PRIMARY KEY,
    user_id        INTEGER NOT NULL REFERENCES users (id),
    case_id        INTEGER NOT NULL REFERENCES debt_cases (id),
    direction      VARCHAR(3) NOT NULL CHECK (direction IN ('in', 'out')),
    at             DATETIME NOT NULL,
    answered       BOOLEAN NOT NULL,
    phone_dialled  VARCHAR(40),
    person         VARCHAR(200),                                    -- who answered: often somebody else
    note           TEXT
);
CREATE INDEX contact_attempts_user_id ON contact_attempts (user_id);
CREATE INDEX contact_attempts_case_id ON contact_attempts (case_id);
CREATE INDEX contact_attempts_at ON contact_attempts (at);

CREATE TABLE call_recordings (
    id           INTEGER PRIMARY KEY,
    attempt_id   INTEGER NOT NULL REFERENCES contact_attempts (id),
    file         VARCHAR(400),
    phone        VARCHAR(40),
    transcript   TEXT,
    duration     INTEGER NOT NULL CHECK (duration >= 0),            -- seconds
    recorded_at  DATETIME NOT NULL                                  -- UTC: the telephone exchange knows no zones
);
CREATE INDEX call_recordings_attempt_id ON call_recordings (attempt_id);
CREATE INDEX call_recordings_recorded_at ON call_recordings (recorded_at);

CREATE TABLE messages_out (
    id         INTEGER PRIMARY KEY,
    user_id    INTEGER NOT NULL REFERENCES users (id),
    channel    VARCHAR(16) NOT NULL CHECK (channel IN ('sms', 'email', 'whatsapp')),
    address    VARCHAR(254),
    body       TEXT,
    provider   JSON,                                                -- the provider's answer, as it came
    delivered  BOOLEAN NOT NULL,
    sent_at    DATETIME NOT NULL
);
CREATE INDEX messages_out_user_id ON messages_out (user_id);
CREATE INDEX messages_out_sent_at ON messages_out (sent_at);

CREATE TABLE consents (
    id              INTEGER PRIMARY KEY,
    user_id         INTEGER NOT NULL REFERENCES users (id),
    policy_version  VARCHAR(20) NOT NULL,
    text_hash       VARCHAR(64) NOT NULL CHECK (length(text_hash) = 64),
    ip              VARCHAR(45),
    given_at        DATETIME NOT NULL
);
CREATE INDEX consents_user_id ON consents (user_id);
CREATE INDEX consents_given_at ON consents (given_at);

CREATE TABLE marketing_subscribers (
    id               INTEGER PRIMARY KEY,
    email            VARCHAR(254) NOT NULL,                         -- the only way to a person
    phone            VARCHAR(40),
    name             VARCHAR(200),
    subscribed_at    DATETIME NOT NULL,
    unsubscribed_at  DATETIME,
    UNIQUE (email)
);
CREATE INDEX marketing_subscribers_subscribed_at ON marketing_subscribers (subscribed_at);

CREATE TABLE access_log (
    id           INTEGER PRIMARY KEY,
    user_id      INTEGER REFERENCES users (id),                     -- NULL: nobody was logged in
    ip           VARCHAR(45) NOT NULL,
    cookie_id    VARCHAR(64),
    user_agent   TEXT,
    url          TEXT NOT NULL,
    referer      TEXT,
    accessed_at  DATETIME NOT NULL                                  -- local time of Asia/Almaty
);
CREATE INDEX access_log_user_id ON access_log (user_id);
CREATE INDEX access_log_accessed_at ON access_log (accessed_at);

CREATE TABLE third_party_transfers (
    id           INTEGER PRIMARY KEY,
    user_id      INTEGER NOT NULL REFERENCES users (id),
    recipient    VARCHAR(200) NOT NULL,
    exchange_id  CHAR(36),                                          -- the recipient's own number of the message
    payload      JSON,
    sent_at      DATETIME NOT NULL
);
CREATE INDEX third_party_transfers_user_id ON third_party_transfers (user_id);
CREATE INDEX third_party_transfers_sent_at ON third_party_transfers (sent_at);

CREATE TABLE audit_log (
    id          INTEGER PRIMARY KEY,
    table_name  VARCHAR(63) NOT NULL,
    row_id      INTEGER NOT NULL,                                   -- of any table: no foreign key possible
    at          DATETIME NOT NULL,
    old         JSON,
    new         JSON
);
CREATE INDEX audit_log_row ON audit_log (row_id, table_name);
CREATE INDEX audit_log_at ON audit_log (at);

CREATE TRIGGER users_audit AFTER UPDATE ON users FOR EACH ROW
BEGIN
    INSERT INTO audit_log (table_name, row_id, at, "old", "new")
    VALUES (
        'users', NEW.id, strftime('%Y-%m-%d %H:%M:%S', 'now'),
        json_object(
            'id', OLD.id, 'login', OLD.login, 'password_hash', OLD.password_hash,
            'iin', OLD.iin, 'last_name', OLD.last_name, 'first_name', OLD.first_name,
            'middle_name', OLD.middle_name, 'birth_date', OLD.birth_date, 'email', OLD.email,
            'phone_mobile', OLD.phone_mobile, 'phone_home', OLD.phone_home, 'phone_work', OLD.phone_work,
            'address', OLD.address, 'region_id', OLD.region_id, 'status', OLD.status,
            'created_at', OLD.created_at, 'last_login_at', OLD.last_login_at, 'deleted_at', OLD.deleted_at,
            'processing_blocked_at', OLD.processing_blocked_at),
        json_object(
            'id', NEW.id, 'login', NEW.login, 'password_hash', NEW.password_hash,
            'iin', NEW.iin, 'last_name', NEW.last_name, 'first_name', NEW.first_name,
            'middle_name', NEW.middle_name, 'birth_date', NEW.birth_date, 'email', NEW.email,
            'phone_mobile', NEW.phone_mobile, 'phone_home', NEW.phone_home, 'phone_work', NEW.phone_work,
            'address', NEW.address, 'region_id', NEW.region_id, 'status', NEW.status,
            'created_at', NEW.created_at, 'last_login_at', NEW.last_login_at, 'deleted_at', NEW.deleted_at,
            'processing_blocked_at', NEW.processing_blocked_at));
END;
