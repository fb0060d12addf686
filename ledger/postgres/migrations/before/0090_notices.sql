-- What holders are told by e-mail or SMS of an event (0086), one row each: that it waits, was sent, or will not be. Nothing of the
-- person stands here: name and address are looked up when it is sent, so what was changed or removed meanwhile counts.
-- state: 0 waits, 1 sent (the server took it), 2 given up, 3 to be told by a person: no address, or by telephone.
-- why: a short code of the last trouble, never what a server said, for that may repeat an address.
create table registry.notice (
  programme smallint not null references registry.programme (id),
  event     bigint not null check (event >= 1),
  account   bigint check (account > 0 and account & 7 = 0),  -- null: of somebody who has no card yet
  kind      text not null check (kind ~ '^[a-z]{1,20}\.[a-z_]{1,40}$'),
  data      jsonb not null,
  state     smallint not null default 0 check (state between 0 and 3),
  channel   text not null default '' check (channel in ('', 'email', 'sms', 'phone')),
  tries     smallint not null default 0 check (tries >= 0),
  why       text not null default '' check (why ~ '^[a-z0-9 _-]{0,40}$'),
  made_at   timestamptz not null default clock_timestamp(),
  due_at    timestamptz not null default clock_timestamp(),
  done_at   timestamptz,
  primary key (programme, event),
  check ((state = 0) = (done_at is null))
);
create index notice_due on registry.notice (programme, due_at) where state = 0;
-- A page of an application asks for its letters, of which there are few among all events.
create index outbox_letter on registry.outbox (programme, number) where kind = 'application.letter';
create trigger notices_stay before delete or truncate on registry.notice
  for each statement execute function registry.refuse_change();
create trigger what_was_sent_stays before update on registry.notice
  for each row when (old.state = 1) execute function registry.refuse_change();

alter table registry.notice enable row level security;
create policy own_programme on registry.notice to cityswitch_programme
  using (programme in (select registry.my_programmes()))
  with check (programme in (select registry.my_programmes())
    and (account is null or exists (select from registry.card c where c.account = notice.account)));
grant select, insert (programme, event, account, kind, data), update (state, channel, tries, why, due_at, done_at)
  on registry.notice to cityswitch_programme;
