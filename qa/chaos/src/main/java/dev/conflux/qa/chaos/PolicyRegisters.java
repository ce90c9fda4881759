package dev.conflux.qa.chaos;

import dev.conflux.consensus.testkit.NodeLog;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;

/** The policy service's rules as registers. */
final class PolicyRegisters implements Registers {

    private final SampleTarget target;

    PolicyRegisters(SampleTarget target) {
        this.target = target;
    }

    @Override
    public Registers.Client client(SplittableRandom random) {
        return new Client(new SampleClient(target, random), random.split());
    }

    @Override
    public Answer create(String key, long value) {
        try (var client = client(new SplittableRandom(value))) {
            Answer made = client.write(key, value);
            if (made.fate() != Fate.OK) {
                throw new ChaosException(key + " cannot be made: " + made);
            }
            return made;
        }
    }

    @Override
    public List<NodeLog> logs(List<String> keys) {
        return SampleLogs.of(target);
    }

    private static final class Client implements Registers.Client {

        private final SampleClient connection;
        private final SplittableRandom random;

        Client(SampleClient connection, SplittableRandom random) {
            this.connection = connection;
            this.random = random;
        }

        @Override
        public int node() {
            return connection.node();
        }

        @Override
        public Answer read(String key) {
            SampleClient.Reply reply = connection.send("read linearizable get " + key);
            if (reply.fate() != Fate.OK) {
                return Answer.without(reply.fate());
            }
            return new Answer(
                    Fate.OK,
                    Long.parseLong(reply.words().get(2)),
                    Long.parseLong(reply.words().get(1)),
                    reply.revision());
        }

        @Override
        public Answer write(String key, long value) {
            return update("put " + key + " " + value, value);
        }

        @Override
        public Answer cas(String key, long version, long value) {
            return update("cas " + key + " " + version + " " + value, value);
        }

        private Answer update(String command, long value) {
            String request = new UUID(random.nextLong(), random.nextLong()).toString();
            SampleClient.Reply reply = connection.send("do " + request + " " + command);
            if (reply.fate() != Fate.OK) {
                return Answer.without(reply.fate());
            }
            return reply.words().get(2).equals("ok")
                    ? new Answer(Fate.OK, value, Long.parseLong(reply.words().get(3)), reply.revision())
                    : Answer.without(Fate.FAIL);
        }

        @Override
        public void close() {
            connection.close();
        }
    }
}
