-- What the errors of constraints are about: the fields behind the message.
create domain dd as int check (value>0); create schema "S x"; create domain "S x".d2 as dd not null check (value < 10);
select 0::dd; select 0::"S x".d2; select 11::"S x".d2; select null::"S x".d2;
create table t(a dd, b int, c int); insert into t values (0,1,1); insert into t values (1,1,1),(2,1,null);
prepare p(int) as select $1::dd; execute p(-1);
alter table t add check (b > 1);
alter table t add constraint nm check (c > 1);
alter table t alter c set not null;
alter table t add constraint u unique (b);
create unique index ui on t(b);
alter table t add primary key (c);
alter table t add primary key (b);
alter domain dd add constraint new_one check (value > 1);
alter table t add column n int not null;
create table t2(a dd); insert into t2 values (null);
alter domain dd set not null;
update t set a = -1;
