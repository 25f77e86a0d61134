// SPDX-License-Identifier: Apache-2.0
// What an import must make of a World, by spec/import.md alone: the models,
// by their source keys, with keys in the place of ids. Nothing here knows how
// the importer works; how it names what it could not bring is its report.
import { fake } from './rules.mjs';
import { judge } from './trust.mjs';

/** Text keys of the collections' source keys. */
export const keys = {
    user: (m) => m.uid,
    device: (m) => `${m.uid} ${m.device_flag}`,
    channel: (m) => `${m.channel_type}-${m.channel_id}`,
    message: (m) => `${m.channel_type}-${m.channel_id} ${m.message_seq}`,
    conversation: (m) => `${m.uid} ${m.channel_type}-${m.channel_id}`,
};

/** A list without repeats; null for none. */
const unique = (list) => list === null ? null : [...new Set(list)];

/** The fields that have a value. */
function present(fields) {
    return Object.fromEntries(Object.entries(fields).filter(([, value]) =>
        value !== null && value !== undefined));
}

/** Where the API can find what a world holds: users and channels lead to
 *  each other until nothing new appears. */
class Search {
    constructor(world) {
        this.world = world;
        this.users = new Map();    // uid → {devices}
        this.channels = new Map(); // key → {id, type, info, topic}
        this.queue = [];
        this.refused = [];
        this.unreadable = [];
        this.mangled = { users: 0, channels: 0 };
        this.readLists();
        this.readTopics();
        while (this.queue.length > 0) this.queue.pop()();
    }

    user(uid) {
        let user = this.users.get(uid);
        if (uid === '' || user) return user;
        user = { uid, devices: [] };
        this.users.set(uid, user);
        this.queue.push(() => this.lookAtUser(user));
        return user;
    }

    channel(type, id, info) {
        const key = `${type}-${id}`;
        let channel = this.channels.get(key);
        if (channel) {
            channel.info ??= info;
            return;
        }
        channel = { key, type, id, info };
        this.channels.set(key, channel);
        this.queue.push(() => this.lookAtChannel(channel));
    }

    readLists() {
        const { world } = this;
        const users = world.userRows();
        judge(users.map((r) => r.told.id)).forEach((verdict, n) => {
            const { told, row } = users[n];
            if (verdict !== 'trusted') this.mangled.users++;
            else this.user(told.id).devices.push({ flag: told.number, row });
        });
        const channels = world.channelRows();
        judge(channels.map((r) => r.told.id)).forEach((verdict, n) => {
            const { told, row } = channels[n];
            if (verdict !== 'trusted') this.mangled.channels++;
            else if (told.number === 1) this.user(told.id);
            else this.channel(told.number, told.id, row);
        });
    }

    readTopics() {
        for (const topic of this.world.topics.values()) {
            const { type, id } = topic;
            if (type === 1 && id.startsWith('userqueue_')) {
                if (topic.newest > 0) this.refused.push(topic);
            } else if (type === 1 && !id.includes('@')) {
                if (topic.newest > 0) this.unreadable.push(topic);
            } else if (!id.includes('/') && (topic.count > 0 ||
                this.membersOf(type, id).length > 0)) {
                this.channel(type, id);
            }
        }
    }

    membersOf(type, id) {
        return Object.values(this.world.listOf(id, type))
            .flatMap((list) => list ?? []);
    }

    lookAtUser({ uid }) {
        for (const member of this.membersOf(1, uid)) this.user(member);
        for (const c of this.world.conversations.get(uid) ?? []) {
            if (c.channel_type === 1) {
                this.user(c.channel_id);
                this.channel(1, fake(uid, c.channel_id));
            } else {
                this.channel(c.channel_type, c.channel_id);
            }
        }
    }

    lookAtChannel(channel) {
        for (const member of this.membersOf(channel.type, channel.id)) {
            this.user(member);
        }
        const topic = this.world.topics.get(channel.key);
        if (!topic) return;
        channel.topic = topic;
        for (const person of topic.persons ?? []) this.user(person);
        const writers = new Set();
        for (const seq of topic.seqs()) writers.add(topic.writer(seq));
        for (const uid of writers) this.user(uid);
    }
}

function userModel(world, { uid, devices }) {
    const { allowlist, denylist } = world.listOf(uid, 1);
    return present({ uid, allowlist: unique(allowlist),
        denylist: unique(denylist), device_ids: devices.length === 0 ? null
            : devices.map(({ flag }) => `${uid} ${flag}`) });
}

function channelModel(world, { type, id, info }) {
    const { subscribers, allowlist, denylist } = world.listOf(id, type);
    return present({ channel_id: id, channel_type: type, ban: info?.ban,
        disband: info?.disband, large: info?.large,
        subscribers: unique(subscribers), allowlist: unique(allowlist),
        denylist: unique(denylist) });
}

function messageModel(topic, seq) {
    const m = topic.message(seq);
    return present({ channel_ref: topic.name, channel_id: topic.id,
        channel_type: topic.type, message_seq: seq, message_id: m.message_id,
        client_msg_no: m.client_msg_no, from_uid: m.from_uid,
        setting: m.setting, ...m.header, timestamp: m.timestamp,
        expire: m.expire, payload: m.payload, stream_no: m.stream_no,
        stream_seq: m.stream_seq, stream_flag: m.stream_flag,
        streams: m.streams });
}

function conversationModel(uid, c) {
    const id = c.channel_type === 1 ? fake(uid, c.channel_id) : c.channel_id;
    return { user_id: uid, uid, channel_ref: `${c.channel_type}-${id}`,
        channel_id: id, channel_type: c.channel_type, unread: c.unread,
        read_to_message_seq: Math.max(0, c.last_msg_seq - c.unread),
        last_message_seq: c.last_msg_seq,
        last_client_msg_no: c.last_client_msg_no, timestamp: c.timestamp,
        version: c.version };
}

/**
 * {models: [collection, key, fields] as an iterable, channels, counts}. The
 * messages are made while one iterates.
 */
export function expected(world) {
    const search = new Search(world);
    const channels = [...search.channels.values()];
    const messages = channels.reduce((n, c) => n + (c.topic?.count ?? 0), 0);
    const count = (list) => list.reduce((n, topic) => n + topic.newest, 0);
    return { users: search.users, channels: search.channels,
        models: () => models(world, search),
        counts: { users: search.users.size, channels: channels.length,
            messages, mangled: search.mangled,
            refused: count(search.refused),
            unreadable: count(search.unreadable) } };
}

function* models(world, { users, channels }) {
    for (const user of users.values()) {
        yield ['user', user.uid, userModel(world, user)];
        for (const { flag, row } of user.devices) {
            yield ['device', `${user.uid} ${flag}`, { user_id: user.uid,
                uid: user.uid, device_flag: flag, device_level: row.level,
                token: row.token }];
        }
        for (const c of world.conversations.get(user.uid) ?? []) {
            const m = conversationModel(user.uid, c);
            yield ['conversation', keys.conversation(m), m];
        }
    }
    for (const channel of channels.values()) {
        yield ['channel', channel.key, channelModel(world, channel)];
        if (!channel.topic) continue;
        for (const seq of channel.topic.seqs()) {
            yield ['message', `${channel.key} ${seq}`,
                messageModel(channel.topic, seq)];
        }
    }
}
