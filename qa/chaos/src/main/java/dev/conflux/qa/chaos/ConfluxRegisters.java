package dev.conflux.qa.chaos;

import dev.conflux.consensus.testkit.NodeLog;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;

/** Configs as registers: the content is the value in digits; a write publishes it, a read is linearizable. */
final class ConfluxRegisters implements Registers {

    private static final int MAX_REPETITIONS = 100;

    private final ConfluxTarget target;
    private final boolean persistent;
    private final Configs configs;
    private final Map<String, Long> ids = new ConcurrentHashMap<>();

    /** @param persistent writes carry an idempotency key and are repeated anywhere until their fate is known */
    ConfluxRegisters(ConfluxTarget target, String env, boolean persistent) {
        this.target = target;
        this.persistent = persistent;
        this.configs = new Configs(target, env);
    }

    @Override
    public Registers.Client client(SplittableRandom random) {
        return new Client(new ConfluxClient(target, random));
    }

    @Override
    public Answer create(String key, long value) {
        Configs.Made made = configs.create(key, value);
        ids.put(key, made.id());
        return new Answer(Fate.OK, value, 1, made.revision());
    }

    @Override
    public List<NodeLog> logs(List<String> keys) {
        return configs.logs();
    }

    private final class Client implements Registers.Client {

        private final ConfluxClient connection;

        Client(ConfluxClient connection) {
            this.connection = connection;
        }

        @Override
        public int node() {
            return connection.node();
        }

        @Override
        public Answer read(String key) {
            ConfluxClient.Reply reply = connection.read(configs.fetchPath(key), "linearizable");
            if (reply.fate() != Fate.OK) {
                return Answer.without(reply.fate());
            }
            RawHttp.Answer answer = reply.ok();
            return new Answer(
                    Fate.OK,
                    Long.parseLong(answer.body()),
                    Long.parseLong(answer.header("x-config-version")),
                    Configs.revision(answer));
        }

        @Override
        public Answer write(String key, long value) {
            return publish(key, value, "");
        }

        @Override
        public Answer cas(String key, long version, long value) {
            return publish(key, value, ",\"cas\":" + version);
        }

        private Answer publish(String key, long value, String condition) {
            configs.expect(value);
            String path = "/api/v1/mgt/configs/" + ids.get(key) + "/publish";
            String body = "{\"content\":\"" + value + "\"" + condition + "}";
            String header = persistent ? "X-Idempotency-Key: w" + value + "\r\n" : "";
            ConfluxClient.Reply reply = connection.write("POST", path, header, body);
            boolean doubt = false;
            for (int i = 0; persistent && i < MAX_REPETITIONS && open(reply); i++) {
                doubt |= reply.fate() == Fate.UNKNOWN;
                reply = connection.write("POST", path, header, body);
            }
            if (reply.fate() == Fate.FAIL && doubt && open(reply)) {
                return Answer.without(Fate.UNKNOWN); // This time it was refused, but an earlier one may have passed.
            }
            if (reply.fate() != Fate.OK) {
                return Answer.without(reply.fate());
            }
            RawHttp.Answer answer = reply.ok();
            return new Answer(Fate.OK, value, answer.number("version_id"), Configs.revision(answer));
        }

        /** A repetition may tell more: nobody answered for the cluster yet. */
        private static boolean open(ConfluxClient.Reply reply) {
            return reply.fate() == Fate.UNKNOWN
                    || (reply.fate() == Fate.FAIL
                            && (reply.answer() == null || reply.answer().status() >= 500));
        }

        @Override
        public void close() {
            connection.close();
        }
    }
}
