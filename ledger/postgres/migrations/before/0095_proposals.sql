-- What at a desk is proposed and approved before it is done; by two persons, where the rules of that day want a second one. Triggers hold it, whatever
-- program or hand writes: a proposal begins as one, stays as it was written, is decided once, and not approved by who made it where a second person is wanted.
-- terms: what the act needs beside its subject (sums, an origin); nothing of it is of a person.

create table registry.proposal (
  number      bigint generated always as identity primary key,
  programme   smallint not null references registry.programme (id),
  act         text not null check (act in ('close_month', 'correct_statement', 'anonymise', 'publish_offers', 'withdraw_offers', 'issue_documents')),
  subject     text not null check (length(subject) between 1 and 64),
  terms       jsonb not null default '{}' check (jsonb_typeof(terms) = 'object' and octet_length(terms::text) <= 32768),
  reason      text not null default '' check (length(reason) <= 200),
  second_needed boolean not null default true,
  state       smallint not null default 1 check (state between 1 and 3),  -- 1 proposed, 2 approved, 3 refused
  proposed_by text not null default current_setting('cityswitch.actor') check (length(proposed_by) between 1 and 64),
  proposed_at timestamptz not null default clock_timestamp(),
  decided_by  text check (length(decided_by) between 1 and 64),
  decided_at  timestamptz,
  check ((state = 1) = (decided_by is null) and (state = 1) = (decided_at is null)),
  check (state <> 2 or not second_needed or registry.folded_name(decided_by) <> registry.folded_name(proposed_by))
);
-- A month is closed and a holder anonymised once, and a month's documents wait in one proposal at a time; the others may be as many.
create unique index proposal_one on registry.proposal (programme, act, subject) where state < 3 and act in ('close_month', 'anonymise');
create unique index proposal_waits on registry.proposal (programme, act, subject) where state = 1 and act = 'issue_documents';
create index proposal_open on registry.proposal (programme, number) where state = 1;

call registry.keep_trail('proposal', 'number', false);

create function registry.check_proposal() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    if new.state <> 1 or new.proposed_by <> current_setting('cityswitch.actor') then
      raise exception 'it begins as a proposal of who writes it';
    end if;
    return new;
  end if;
  if old.state <> 1 or new.state not in (2, 3)
      or (to_jsonb(new) - array['state', 'decided_by', 'decided_at'])
        is distinct from (to_jsonb(old) - array['state', 'decided_by', 'decided_at']) then
    raise exception 'proposal %: it is decided once, and stays as it was made', old.number;
  end if;
  new.decided_by := current_setting('cityswitch.actor');
  new.decided_at := clock_timestamp();
  if new.state = 2 and old.second_needed and registry.folded_name(new.decided_by) = registry.folded_name(old.proposed_by) then
    raise exception 'proposal %: another person approves it than made it', old.number
      using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end
$$;
create trigger two_persons before insert or update on registry.proposal
  for each row execute function registry.check_proposal();

-- The office's site acts for many persons by one login, in a programme's role: so no month is closed or invoiced, and no statement
-- corrected, without an approved proposal; a month and a document only as they were when they were proposed. A person's own database login, and the owner's, name the second person instead.
create function registry.check_agreed() returns trigger language plpgsql as $$
begin
  if current_user <> session_user and not office.serves_all() and not exists (
      select from registry.proposal p
        where p.programme = new.programme and p.state = 2 and case tg_table_name
          when 'settlement_period' then p.act = 'close_month' and p.subject = new.month
            and p.terms ->> 'digest' = registry.month_digest_v1(new.programme, new.month)
          when 'invoice' then p.act = 'issue_documents' and p.subject = new.month
            and ((to_jsonb(new) ->> 'second_needed')::boolean or not p.second_needed)
            and p.terms -> 'digests' ? registry.document_digest_v1(to_jsonb(new))
          else p.act = 'correct_statement' and p.subject = (to_jsonb(new) ->> 'partner') || '/' || new.month
            and (p.terms ->> 'net_grosze') = (to_jsonb(new) ->> 'net_grosze')
            and (p.terms ->> 'vat_rate') = (to_jsonb(new) ->> 'vat_rate')
        end) then
    raise exception 'this was not agreed to: it wants an approved proposal'
      using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end
$$;
create trigger was_agreed after insert on registry.settlement_period
  for each row execute function registry.check_agreed();
create trigger was_agreed after insert on registry.settlement_correction
  for each row execute function registry.check_agreed();
create trigger was_agreed after insert on registry.invoice
  for each row execute function registry.check_agreed();

-- As 0050.
alter table registry.proposal enable row level security;
create policy own_programme on registry.proposal to cityswitch_programme
  using (programme in (select registry.my_programmes())) with check (programme in (select registry.my_programmes()));
grant select, insert on registry.proposal to cityswitch_programme;
grant update (state) on registry.proposal to cityswitch_programme;
