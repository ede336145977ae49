// Knex, Sequelize, TypeORM and Drizzle: schemas made and changed by the tool, objects, transactions, what the tool reads
// of the catalogue. Arguments: the tool's name, a connection string. Prints "ok NAME" or "fail NAME why" for each area.
'use strict';
const assert = require('assert');
const fs = require('fs');
const path = require('path');

const [tool, url] = process.argv.slice(2);
const files = fs.mkdtempSync(path.join(__dirname, 'files-'));
let close = async () => {};

const tools = {
  knex() {
    const knex = require('knex')({ client: 'pg', connection: url, migrations: { directory: files } });
    close = () => knex.destroy();
    return {
      async migrations() {
        fs.writeFileSync(path.join(files, '1.js'), `
          exports.up = async (k) => {
            await k.schema.createTable('users', (t) => {
              t.increments('id'); t.string('email').notNullable().unique(); t.enu('role', ['admin', 'user']).defaultTo('user');
              t.jsonb('data'); t.timestamps(true, true); t.uuid('ref').defaultTo(k.raw('gen_random_uuid()'));
              t.decimal('amount', 10, 2); t.index(['role', 'email'], 'users_role');
            });
            await k.schema.createTable('posts', (t) => {
              t.bigIncrements('id'); t.integer('user_id').unsigned().references('users.id').onDelete('CASCADE'); t.text('body').comment('text');
            });
          };
          exports.down = async (k) => { await k.schema.dropTable('posts'); await k.schema.dropTable('users'); };`);
        fs.writeFileSync(path.join(files, '2.js'), `
          exports.up = async (k) => {
            await k.schema.alterTable('users', (t) => {
              t.string('name', 40); t.string('email', 300).notNullable().alter(); t.renameColumn('ref', 'reference'); t.dropIndex(null, 'users_role');
            });
            await k.schema.renameTable('posts', 'articles');
          };
          exports.down = async (k) => {
            await k.schema.renameTable('articles', 'posts');
            await k.schema.alterTable('users', (t) => { t.dropColumn('name'); t.renameColumn('reference', 'ref'); });
          };`);
        assert.strictEqual((await knex.migrate.latest())[1].length, 2);
        await knex.migrate.rollback(undefined, true);
        assert.strictEqual(await knex.schema.hasTable('users'), false);
        assert.strictEqual((await knex.migrate.latest())[1].length, 2);
      },
      async parameters() {
        const [user] = await knex('users').insert({ email: 'a@b', data: { x: 1 }, amount: 12.5 }).returning(['id', 'amount', 'role']);
        assert.deepStrictEqual(user, { id: 1, amount: '12.50', role: 'user' });
        await knex('users').insert({ email: 'a@b' }).onConflict('email').merge({ name: 'new' });
        const found = await knex('users').select('name').whereRaw("data->>'x' = ?", ['1']).whereIn('id', [1, 2]);
        assert.deepStrictEqual(found, [{ name: 'new' }]);
      },
      async transactions() {
        await knex.transaction(async (t) => {
          await t('articles').insert({ user_id: 1, body: 'kept' });
          await t.transaction(async (s) => { await s('articles').insert({ user_id: 99 }); }).catch((e) => assert.strictEqual(e.code, '23503'));
          await t('articles').where({ user_id: 1 }).forUpdate().select();
        });
        assert.strictEqual((await knex('articles').count())[0].count, '1');
      },
      async reflection() {
        const columns = await knex('users').columnInfo();
        assert.deepStrictEqual([columns.email.maxLength, columns.amount.type, columns.name.nullable], [300, 'numeric', true]);
        assert.strictEqual(await knex.schema.hasColumn('users', 'reference'), true);
      },
    };
  },

  sequelize() {
    const { Sequelize, DataTypes, Op } = require('sequelize');
    const sequelize = new Sequelize(url, { logging: false });
    close = () => sequelize.close();
    const Person = sequelize.define('Person', {
      name: { type: DataTypes.STRING, allowNull: false, unique: true }, mood: DataTypes.ENUM('sad', 'ok'),
      tags: DataTypes.ARRAY(DataTypes.STRING), data: DataTypes.JSONB, amount: DataTypes.DECIMAL(10, 2),
      ref: { type: DataTypes.UUID, defaultValue: DataTypes.UUIDV4 }, born: DataTypes.DATEONLY, blob: DataTypes.BLOB,
    });
    const Visit = sequelize.define('Visit', { title: DataTypes.TEXT });
    Person.hasMany(Visit);
    Visit.belongsTo(Person);
    const queries = sequelize.getQueryInterface();
    return {
      async migrations() {
        await sequelize.sync({ force: true });
        await sequelize.sync({ alter: true });
        await queries.addColumn('People', 'extra', { type: DataTypes.INTEGER, defaultValue: 3 });
        await queries.changeColumn('People', 'extra', { type: DataTypes.BIGINT });
        await queries.renameColumn('People', 'extra', 'more');
        await queries.addConstraint('People', { fields: ['more'], type: 'check', where: { more: { [Op.gt]: 0 } }, name: 'positive' });
        await queries.removeConstraint('People', 'positive');
        await queries.removeColumn('People', 'more');
      },
      async 'mapped objects'() {
        const ada = await Person.create({ name: 'Ada', mood: 'ok', tags: ['x', 'y'], data: { k: { l: 1 } }, amount: '3.50', born: '1815-12-10', blob: Buffer.from('hi') });
        await Person.bulkCreate([{ name: 'Grace' }, { name: 'Ada', mood: 'sad' }], { updateOnDuplicate: ['mood'] });
        await ada.createVisit({ title: 'first' });
        const [found] = await Person.findAll({ include: Visit, where: { tags: { [Op.contains]: ['x'] }, data: { k: { l: 1 } } } });
        assert.deepStrictEqual([found.mood, found.amount, found.born, found.blob.toString(), found.Visits[0].title], ['sad', '3.50', '1815-12-10', 'hi', 'first']);
        const [, made] = await Visit.findCreateFind({ where: { title: 'second' }, defaults: { PersonId: ada.id } });
        assert.strictEqual(made, true);
        assert.strictEqual((await Person.findAndCountAll({ limit: 1, offset: 1, order: ['id'] })).count, 2);
      },
      async transactions() {
        const isolationLevel = Sequelize.Transaction.ISOLATION_LEVELS.SERIALIZABLE;
        await sequelize.transaction({ isolationLevel }, (t) => Person.increment('amount', { by: 1, where: { name: 'Ada' }, transaction: t }));
        assert.strictEqual((await Person.findOne({ where: { name: 'Ada' } })).amount, '4.50');
      },
      async reflection() {
        const table = await queries.describeTable('People', {});
        assert.deepStrictEqual([table.id.primaryKey, table.mood.special, table.name.allowNull], [true, ['sad', 'ok'], false]);
        assert.strictEqual((await queries.getForeignKeyReferencesForTable('Visits', {})).length, 1);
        assert.ok((await queries.showIndex('People', {})).length >= 2);
        await sequelize.drop({});
      },
    };
  },

  typeorm() {
    require('reflect-metadata');
    const { DataSource, EntitySchema, MoreThan } = require('typeorm');
    const Person = new EntitySchema({
      name: 'Person', tableName: 'person',
      columns: {
        id: { type: 'int', primary: true, generated: true }, key: { type: 'uuid', generated: 'uuid' },
        name: { type: 'varchar', length: 50, unique: true }, role: { type: 'enum', enum: ['a', 'b'], default: 'a' },
        tags: { type: 'text', array: true, nullable: true }, meta: { type: 'jsonb', nullable: true },
        amount: { type: 'numeric', precision: 10, scale: 2, nullable: true }, made: { type: 'timestamptz', createDate: true }, turn: { type: 'int', version: true },
      },
      indices: [{ name: 'person_role', columns: ['role'] }], checks: [{ expression: '"amount" > 0', name: 'positive' }],
      relations: { posts: { type: 'one-to-many', target: 'Post', inverseSide: 'person' } },
    });
    const Post = new EntitySchema({
      name: 'Post', tableName: 'post', columns: { id: { type: 'bigint', primary: true, generated: 'identity' }, title: { type: 'text', comment: 'title' } },
      relations: { person: { type: 'many-to-one', target: 'Person', inverseSide: 'posts', onDelete: 'CASCADE' } },
    });
    const source = new DataSource({ type: 'postgres', url, entities: [Person, Post], logging: false });
    close = () => source.destroy();
    return {
      async migrations() {
        await source.initialize();
        await source.synchronize();
        assert.deepStrictEqual((await source.driver.createSchemaBuilder().log()).upQueries, []);
      },
      async 'mapped objects'() {
        const people = source.getRepository('Person');
        const ada = await people.save({ name: 'Ada', tags: ['a b', 'c"d'], meta: { a: 1 }, amount: '4.20' });
        assert.strictEqual(ada.role, 'a');
        await source.getRepository('Post').save({ title: 'p', person: ada });
        const [found] = await people.find({ relations: { posts: true }, where: { id: MoreThan(0) } });
        assert.deepStrictEqual([found.tags, found.meta, found.posts[0].title], [['a b', 'c"d'], { a: 1 }, 'p']);
        assert.strictEqual(await people.createQueryBuilder('u').leftJoin('u.posts', 'p').where('u.tags @> :t', { t: ['a b'] }).getCount(), 1);
        await people.upsert({ name: 'Ada', amount: '9' }, ['name']);
        assert.strictEqual((await people.findOneBy({ name: 'Ada' })).amount, '9.00');
      },
      async transactions() {
        await source.transaction('SERIALIZABLE', (m) => m.increment('Person', { name: 'Ada' }, 'amount', 1));
        await assert.rejects(source.transaction(async (m) => { await m.delete('Person', {}).catch(() => {}); await m.query('SELECT 1 / 0'); }));
        assert.strictEqual((await source.getRepository('Person').findOneBy({ name: 'Ada' })).amount, '10.00');
      },
      async reflection() {
        const table = await source.createQueryRunner().getTable('person');
        assert.deepStrictEqual([table.columns.length, table.checks.length, table.uniques.length], [9, 1, 1]);
        await source.dropDatabase();
      },
    };
  },

  drizzle() {
    const { drizzle } = require('drizzle-orm/node-postgres');
    const { migrate } = require('drizzle-orm/node-postgres/migrator');
    const { pgTable, serial, text, jsonb, timestamp, integer } = require('drizzle-orm/pg-core');
    const { eq } = require('drizzle-orm');
    const pool = new (require('pg').Pool)({ connectionString: url });
    const db = drizzle(pool);
    close = () => pool.end();
    const users = pgTable('users', { id: serial('id').primaryKey(), name: text('name').notNull(), data: jsonb('data'), at: timestamp('at', { withTimezone: true }) });
    const posts = pgTable('posts', { id: serial('id').primaryKey(), user: integer('user') });
    return {
      async migrations() {
        fs.mkdirSync(path.join(files, 'meta'));
        const entries = [{ idx: 0, version: '7', when: 1700000000000, tag: '0000_first', breakpoints: true }];
        fs.writeFileSync(path.join(files, 'meta', '_journal.json'), JSON.stringify({ version: '7', dialect: 'postgresql', entries }));
        fs.writeFileSync(path.join(files, '0000_first.sql'), [
          'DO $$ BEGIN\n CREATE TYPE "public"."mood" AS ENUM(\'sad\', \'ok\');\nEXCEPTION\n WHEN duplicate_object THEN null;\nEND $$;\n',
          'CREATE TABLE IF NOT EXISTS "users" ("id" serial PRIMARY KEY NOT NULL, "name" text NOT NULL, "m" "mood" DEFAULT \'ok\', "data" jsonb, "at" timestamp with time zone DEFAULT now() NOT NULL, CONSTRAINT "users_name_unique" UNIQUE("name"));',
          'CREATE TABLE IF NOT EXISTS "posts" ("id" serial PRIMARY KEY, "user" integer);',
          'DO $$ BEGIN\n ALTER TABLE "posts" ADD CONSTRAINT "posts_user" FOREIGN KEY ("user") REFERENCES "public"."users"("id") ON DELETE no action;\nEXCEPTION\n WHEN duplicate_object THEN null;\nEND $$;\n',
          'CREATE INDEX IF NOT EXISTS "users_at" ON "users" USING btree ("at");',
        ].join('--> statement-breakpoint\n'));
        await migrate(db, { migrationsFolder: files });
        await migrate(db, { migrationsFolder: files });
        await pool.query('DELETE FROM drizzle.__drizzle_migrations');
        await migrate(db, { migrationsFolder: files }); // all of it is there already
      },
      async 'mapped objects'() {
        const [made] = await db.insert(users).values({ name: 'Ada', data: { x: [1] } }).returning();
        assert.deepStrictEqual([made.id, made.data], [1, { x: [1] }]);
        await db.insert(posts).values({ user: 1 });
        const joined = await db.select({ name: users.name, post: posts.id }).from(users).innerJoin(posts, eq(posts.user, users.id)).where(eq(users.name, 'Ada'));
        assert.deepStrictEqual(joined, [{ name: 'Ada', post: 1 }]);
      },
      async transactions() {
        await assert.rejects(db.transaction(async (t) => { await t.delete(posts); t.rollback(); }));
        assert.strictEqual((await db.select().from(posts)).length, 1);
      },
    };
  },
};

(async () => {
  let failed = false;
  for (const [name, area] of Object.entries(tools[tool]())) {
    try {
      await area();
      console.log(`ok\t${name}`);
    } catch (error) {
      failed = true;
      console.log(`fail\t${name}\t${String(error && error.message).replace(/\s+/g, ' ').slice(0, 300)}`);
    }
  }
  await close().catch(() => {});
  fs.rmSync(files, { recursive: true, force: true });
  process.exit(failed ? 1 : 0);
})();
