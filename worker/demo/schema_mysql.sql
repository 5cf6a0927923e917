-- The invented operator's database on MariaDB or MySQL: what a debt-collection agency's application has grown into.
-- It belongs to the operator: nothing here knows of merzim. Kept column for column equal to schema_sqlite.sql (tested).

CREATE TABLE regions (
    id      smallint PRIMARY KEY,
    code    varchar(8) NOT NULL,
    name    text NOT NULL,
    UNIQUE (code)
);

CREATE TABLE users (
    id                     bigint AUTO_INCREMENT PRIMARY KEY,
    login                  varchar(128) NOT NULL,
    password_hash          varchar(255) NOT NULL,
    iin                    varchar(12) CHECK (length(iin) = 12),    -- not unique: one person may have two accounts
    last_name              varchar(100) NOT NULL,
    first_name             varchar(100) NOT NULL,
    middle_name            varchar(100),
    birth_date             date,
    email                  varchar(254),                            -- not unique: couples share an address
    phone_mobile           varchar(40),
    phone_home             varchar(40),
    phone_work             varchar(40),
    address                text,
    region_id              smallint,
    status                 varchar(16) NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'closed')),
    created_at             datetime NOT NULL,
    last_login_at          datetime,
    deleted_at             datetime,                                -- soft deletion: the row stays
    processing_blocked_at  datetime,                                -- blocked by law, not a closed login
    UNIQUE (login),
    FOREIGN KEY (region_id) REFERENCES regions (id)
);
CREATE INDEX users_iin ON users (iin);
CREATE INDEX users_email ON users (email);
CREATE INDEX users_region_id ON users (region_id);
CREATE INDEX users_last_login_at ON users (last_login_at);

CREATE TABLE registration_forms (
    id            bigint AUTO_INCREMENT PRIMARY KEY,
    user_id       bigint NOT NULL,
    last_name     varchar(100),
    first_name    varchar(100),
    middle_name   varchar(100),
    iin           varchar(20),                                      -- as typed
    email         varchar(254),
    phone_mobile  varchar(40),
    phone_home    varchar(40),
    phone_work    varchar(40),
    birth_date    date,
    raw_json      json,
    ip            varchar(45),
    submitted_at  datetime NOT NULL,
    FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX registration_forms_user_id ON registration_forms (user_id);
CREATE INDEX registration_forms_submitted_at ON registration_forms (submitted_at);

CREATE TABLE scanned_documents (
    id              bigint AUTO_INCREMENT PRIMARY KEY,
    user_id         bigint NOT NULL,
    kind            varchar(32) NOT NULL,
    basis           varchar(16) NOT NULL CHECK (basis IN ('registration', 'contract')),
    file_path       varchar(400),
    thumbnail_path  varchar(400),
    original_name   varchar(255),
    doc_number      varchar(32),
    ocr_text        text,
    digest          blob,                                          -- SHA-256 of the file
    uploaded_at     datetime NOT NULL,
    FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX scanned_documents_user_id ON scanned_documents (user_id);
CREATE INDEX scanned_documents_uploaded_at ON scanned_documents (uploaded_at);

CREATE TABLE feedback_messages (
    id           bigint AUTO_INCREMENT PRIMARY KEY,
    user_id      bigint,                                            -- NULL: a stranger wrote
    name         varchar(200),
    email        varchar(254),
    phone        varchar(40),
    body         text NOT NULL,
    attachments  json,
    created_at   datetime NOT NULL,
    closed_at    datetime,
    FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX feedback_messages_user_id ON feedback_messages (user_id);
CREATE INDEX feedback_messages_created_at ON feedback_messages (created_at);
CREATE INDEX feedback_messages_closed_at ON feedback_messages (closed_at);

CREATE TABLE complaints (
    id          bigint AUTO_INCREMENT PRIMARY KEY,
    user_id     bigint,                                             -- NULL: known by IIN only, or not at all
    iin         varchar(20),
    applicant   varchar(200) NOT NULL,
    text        text NOT NULL,
    outcome     varchar(16) CHECK (outcome IN ('satisfied', 'refused', 'explained')),
    created_at  datetime NOT NULL,
    due_at      date NOT NULL,
    closed_at   datetime,
    FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX complaints_user_id ON complaints (user_id);
CREATE INDEX complaints_iin ON complaints (iin);
CREATE INDEX complaints_created_at ON complaints (created_at);
CREATE INDEX complaints_closed_at ON complaints (closed_at);

CREATE TABLE debt_cases (
    id                bigint AUTO_INCREMENT PRIMARY KEY,
    user_id           bigint NOT NULL,
    iin               varchar(12) CHECK (length(iin) = 12),         -- a copy of users.iin
    contract_no       varchar(40),
    creditor          varchar(100) NOT NULL,
    amount            decimal(14, 2) NOT NULL CHECK (amount >= 0),
    currency          varchar(3) NOT NULL CHECK (length(currency) = 3),
    outcome           varchar(16) CHECK (outcome IN ('paid', 'settled', 'returned', 'written off')),
    status            varchar(16) NOT NULL CHECK (status IN ('open', 'closed')),
    notes             text,
    court_case        varchar(40),                                  -- while a court hears it
    state_request_at  datetime,                                  -- while a state body's request is unanswered
    opened_at         datetime NOT NULL,
    closed_at         datetime,
    UNIQUE (contract_no),
    FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX debt_cases_user_id ON debt_cases (user_id);
CREATE INDEX debt_cases_iin ON debt_cases (iin);
CREATE INDEX debt_cases_closed_at ON debt_cases (closed_at);

CREATE TABLE case_parties (
    id         bigint AUTO_INCREMENT PRIMARY KEY,
    case_id    bigint NOT NULL,
    role       varchar(16) NOT NULL CHECK (role IN ('guarantor', 'relative', 'representative')),
    full_name  varchar(200) NOT NULL,
    iin        varchar(20),
    phone      varchar(40),
    FOREIGN KEY (case_id) REFERENCES debt_cases (id)
);
CREATE INDEX case_parties_case_id ON case_parties (case_id);

CREATE TABLE payments (
    id          bigint AUTO_INCREMENT PRIMARY KEY,
    user_id     bigint,                                             -- the account it was booked to; NULL: not matched yet
    case_id     bigint NOT NULL,
    amount      decimal(14, 2) NOT NULL CHECK (amount > 0),
    currency    varchar(3) NOT NULL CHECK (length(currency) = 3),
    paid_at     date NOT NULL,
    payer_name  varchar(200),
    payer_iin   varchar(12) CHECK (length(payer_iin) = 12),         -- may be another person than the debtor
    iban        varchar(34),
    purpose     text,
    FOREIGN KEY (user_id) REFERENCES users (id),
    FOREIGN KEY (case_id) REFERENCES debt_cases (id)
);
CREATE INDEX payments_user_id ON payments (user_id);
CREATE INDEX payments_case_id ON payments (case_id);
CREATE INDEX payments_payer_iin ON payments (payer_iin);
CREATE INDEX payments_paid_at ON payments (paid_at);

CREATE TABLE contact_attempts (
    id             bigint AUTO_INCREMENT PRIMARY KEY,
    user_id        bigint NOT NULL,
    case_id        bigint NOT NULL,
    direction      varchar(3) NOT NULL CHECK (direction IN ('in', 'out')),
    at             datetime NOT NULL,
    answered       boolean NOT NULL,
    phone_dialled  varchar(40),
    person         varchar(200),                                    -- who answered: often somebody else
    note           text,
    FOREIGN KEY (user_id) REFERENCES users (id),
    FOREIGN KEY (case_id) REFERENCES debt_cases (id)
);
CREATE INDEX contact_attempts_user_id ON contact_attempts (user_id);
CREATE INDEX contact_attempts_case_id ON contact_attempts (case_id);
CREATE INDEX contact_attempts_at ON contact_attempts (at);

CREATE TABLE call_recordings (
    id           bigint AUTO_INCREMENT PRIMARY KEY,
    attempt_id   bigint NOT NULL,
    file         varchar(400),
    phone        varchar(40),
    transcript   text,
    duration     integer NOT NULL CHECK (duration >= 0),            -- seconds
    recorded_at  datetime NOT NULL,                                -- UTC: the telephone exchange knows no zones
    FOREIGN KEY (attempt_id) REFERENCES contact_attempts (id)
);
CREATE INDEX call_recordings_attempt_id ON call_recordings (attempt_id);
CREATE INDEX call_recordings_recorded_at ON call_recordings (recorded_at);

CREATE TABLE messages_out (
    id         bigint AUTO_INCREMENT PRIMARY KEY,
    user_id    bigint NOT NULL,
    channel    varchar(16) NOT NULL CHECK (channel IN ('sms', 'email', 'whatsapp')),
    address    varchar(254),
    body       text,
    provider   json,                                               -- the provider's answer, as it came
    delivered  boolean NOT NULL,
    sent_at    datetime NOT NULL,
    FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX messages_out_user_id ON messages_out (user_id);
CREATE INDEX messages_out_sent_at ON messages_out (sent_at);

CREATE TABLE consents (
    id              bigint AUTO_INCREMENT PRIMARY KEY,
    user_id         bigint NOT NULL,
    policy_version  varchar(20) NOT NULL,
    text_hash       varchar(64) NOT NULL CHECK (length(text_hash) = 64),
    ip              varchar(45),
    given_at        datetime NOT NULL,
    FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX consents_user_id ON consents (user_id);
CREATE INDEX consents_given_at ON consents (given_at);

CREATE TABLE marketing_subscribers (
    id               bigint AUTO_INCREMENT PRIMARY KEY,
    email            varchar(254) NOT NULL,                         -- the only way to a person
    phone            varchar(40),
    name             varchar(200),
    subscribed_at    datetime NOT NULL,
    unsubscribed_at  datetime,
    UNIQUE (email)
);
CREATE INDEX marketing_subscribers_subscribed_at ON marketing_subscribers (subscribed_at);

CREATE TABLE access_log (
    id           bigint AUTO_INCREMENT PRIMARY KEY,
    user_id      bigint,                                            -- NULL: nobody was logged in
    ip           varchar(45) NOT NULL,
    cookie_id    varchar(64),
    user_agent   text,
    url          text NOT NULL,
    referer      text,
    accessed_at  datetime NOT NULL,                                -- local time of Asia/Almaty
    FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX access_log_user_id ON access_log (user_id);
CREATE INDEX access_log_accessed_at ON access_log (accessed_at);

CREATE TABLE third_party_transfers (
    id           bigint AUTO_INCREMENT PRIMARY KEY,
    user_id      bigint NOT NULL,
    recipient    varchar(200) NOT NULL,
    exchange_id  char(36),                                          -- the recipient's own number of the message
    payload      json,
    sent_at      datetime NOT NULL,
    FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX third_party_transfers_user_id ON third_party_transfers (user_id);
CREATE INDEX third_party_transfers_sent_at ON third_party_transfers (sent_at);

CREATE TABLE audit_log (
    id          bigint AUTO_INCREMENT PRIMARY KEY,
    table_name  varchar(63) NOT NULL,
    row_id      bigint NOT NULL,                                    -- of any table: no foreign key possible
    at          datetime NOT NULL,
    old         json,
    new         json
);
CREATE INDEX audit_log_row ON audit_log (row_id, table_name);
CREATE INDEX audit_log_at ON audit_log (at);

CREATE TRIGGER users_audit AFTER UPDATE ON users FOR EACH ROW
    INSERT INTO audit_log (table_name, row_id, at, old, new)
    VALUES ('users', NEW.id, UTC_TIMESTAMP(),
        JSON_OBJECT('id', OLD.id, 'login', OLD.login, 'password_hash', OLD.password_hash, 'iin', OLD.iin,
            'last_name', OLD.last_name, 'first_name', OLD.first_name, 'middle_name', OLD.middle_name, 'birth_date', OLD.birth_date,
            'email', OLD.email, 'phone_mobile', OLD.phone_mobile, 'phone_home', OLD.phone_home, 'phone_work', OLD.phone_work,
            'address', OLD.address, 'region_id', OLD.region_id, 'status', OLD.status, 'created_at', OLD.created_at,
            'last_login_at', OLD.last_login_at, 'deleted_at', OLD.deleted_at, 'processing_blocked_at', OLD.processing_blocked_at),
        JSON_OBJECT('id', NEW.id, 'login', NEW.login, 'password_hash', NEW.password_hash, 'iin', NEW.iin,
            'last_name', NEW.last_name, 'first_name', NEW.first_name, 'middle_name', NEW.middle_name, 'birth_date', NEW.birth_date,
            'email', NEW.email, 'phone_mobile', NEW.phone_mobile, 'phone_home', NEW.phone_home, 'phone_work', NEW.phone_work,
            'address', NEW.address, 'region_id', NEW.region_id, 'status', NEW.status, 'created_at', NEW.created_at,
            'last_login_at', NEW.last_login_at, 'deleted_at', NEW.deleted_at, 'processing_blocked_at', NEW.processing_blocked_at));
