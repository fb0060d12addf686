-- The same purchase as one server-side function: lock the account, journal, move the balance, post. One transaction
-- a request. No reversals, no status queries, no declines: it does less than ledger.post_batch has to.
create schema if not exists bench;

create or replace function bench.post_one(
  p_transaction_id bigint,
  p_terminal       int,
  p_stan           int,
  p_account        bigint,
  p_counter        bigint,
  p_points         bigint,
  p_amount_grosze  bigint,
  p_digest         bigint,
  p_accepted_at_ms bigint,
  p_terminal_time  bigint
) returns bigint language plpgsql volatile
set plan_cache_mode = force_generic_plan
as $$
declare
  v_account ledger.account;
begin
  select * into strict v_account from ledger.account a
    where a.bucket = 0 and a.id = p_account for no key update;
  insert into ledger.journal (bucket, terminal, stan, original_stan, transaction_id, account, counter_account,
      points, balance, amount_grosze, digest, accepted_at_ms, terminal_time, rules_version,
      previous_terminal, previous_stan, kind, code, last4)
    values (0, p_terminal, p_stan, 0, p_transaction_id, p_account, p_counter,
      p_points, v_account.balance + p_points, p_amount_grosze, p_digest, p_accepted_at_ms, p_terminal_time, 1,
      v_account.last_terminal, v_account.last_stan, 1, 0, 0)
    on conflict do nothing;
  if not found then
    raise exception 'terminal % has used STAN % before', p_terminal, p_stan;
  end if;
  update ledger.account a
    set balance = a.balance + p_points, last_terminal = p_terminal, last_stan = p_stan
    where a.bucket = 0 and a.id = p_account;
  insert into ledger.posting (bucket, leg, transaction_id, debit, credit, points)
    values (0, 1, p_transaction_id, p_counter, p_account, p_points);
  return v_account.balance + p_points;
end
$$;
