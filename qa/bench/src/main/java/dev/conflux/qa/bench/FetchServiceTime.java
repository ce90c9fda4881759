package dev.conflux.qa.bench;

import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.Format;
import dev.conflux.core.model.Labels;
import dev.conflux.core.model.Metadata;
import dev.conflux.core.model.Principal;
import dev.conflux.core.service.AuthSettings;
import dev.conflux.core.service.Authentication;
import dev.conflux.core.service.Authenticator;
import dev.conflux.core.service.Authorizer;
import dev.conflux.core.service.Caller;
import dev.conflux.core.service.CommandLog;
import dev.conflux.core.service.ConfigService;
import dev.conflux.core.service.FetchService;
import dev.conflux.core.service.NewContent;
import dev.conflux.core.service.PublishService;
import dev.conflux.core.service.ReadGate;
import dev.conflux.core.service.ReleaseSpec;
import dev.conflux.core.state.ConfigState;
import dev.conflux.core.state.InMemoryStateStore;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.NullUnmarked;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.infra.Blackhole;

/** A fetch without the network: whose token is it, may he, which version, and everything that the answer says. */
@NullUnmarked // JMH calls setUp before anything else.
@State(Scope.Benchmark)
@BenchmarkMode({Mode.AverageTime, Mode.SampleTime})
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class FetchServiceTime {

    private static final String PASSWORD = "correct horse battery staple 1";
    private static final int CONTENT_BYTES = 1024;

    /** How many configs there are. */
    @Param("10000")
    public int configs;

    private Path directory;
    private Authentication authentication;
    private Authenticator authenticator;
    private FetchService fetch;
    private ReadGate gate;
    private String token;
    private String[] paths;
    private int next;

    /** Everything as in a node, but for the log, the disk and the metadata database. */
    @Setup
    public void setUp() throws IOException, InterruptedException, ExecutionException, TimeoutException {
        directory = Files.createTempDirectory("conflux-bench");
        var state = new ConfigState(new InMemoryStateStore());
        var consensus = new NoLog(state);
        var authorizer = new Authorizer();
        gate = ReadGate.on(consensus, state, ReadGate.DEFAULT_TIMEOUT);
        authentication =
                new Authentication(new NoMetadata(), AuthSettings.defaults(directory, PASSWORD), Clock.systemUTC());
        authentication.ready().get(30, TimeUnit.SECONDS);
        authenticator = authentication.authenticator();
        token = authentication.service().login("admin", PASSWORD).accessToken();
        Principal admin = authenticator.authenticate(token);
        fetch = new FetchService(gate, state.reader(), authorizer);
        var log = new CommandLog(consensus, state, CommandLog.DEFAULT_TIMEOUT);
        var creating = new ConfigService(log, state.reader(), authorizer, gate);
        var publishing = new PublishService(log, state.reader(), authorizer, gate);
        var caller = new Caller(admin, "0".repeat(32));
        var names = new ArrayList<String>();
        for (int i = 0; i < configs; i++) {
            ConfigKey key = ConfigKey.of("acme", "bench", "prod", Nodes.name(i));
            names.add(key.toString());
            create(creating, publishing, caller, key, i);
        }
        Collections.shuffle(names, new Random(1));
        paths = names.toArray(String[]::new);
    }

    private static void create(
            ConfigService creating, PublishService publishing, Caller caller, ConfigKey key, int number) {
        long id = creating.create(
                        caller, new ConfigService.NewConfig(key, Metadata.EMPTY, content(number), List.of(), true, ""))
                .value()
                .config()
                .id();
        publishing.publish(
                caller,
                List.of(new PublishService.Item(
                        new PublishService.Target.ById(id),
                        content(1_000_000 + number),
                        new PublishService.Plan.Rules(List.of(
                                rule(Map.of("region", "us", "tier", "gold"), 1, 20),
                                rule(Map.of("region", "us"), 2, 10),
                                rule(Map.of(), 1, 0))),
                        null,
                        null,
                        null)),
                "");
    }

    private static NewContent content(int number) {
        return new NewContent(
                HttpLoad.content(number, CONTENT_BYTES).getBytes(StandardCharsets.UTF_8), Format.JSON, "", null, null);
    }

    private static ReleaseSpec rule(Map<String, String> labels, long version, int priority) {
        return new ReleaseSpec(labels, version, priority, null, null, null);
    }

    /** One request. */
    @org.openjdk.jmh.annotations.Benchmark
    public void fetch(Blackhole answer) {
        Principal principal = authenticator.cached(token);
        var labels = new HashMap<String, String>();
        labels.put("region", "us");
        labels.put("tier", "silver");
        String path = paths[next];
        next = next + 1 == paths.length ? 0 : next + 1;
        FetchService.Fetched fetched = fetch.fetch(principal, path, Labels.of(labels));
        answer.consume(fetched.revision());
        answer.consume(gate.stalenessMillis());
        answer.consume(fetched.versionText());
        answer.consume(fetched.hashHeader());
        answer.consume(fetched.etag());
        answer.consume(fetched.cachedContent());
    }

    /** What setUp opened. */
    @TearDown
    public void tearDown() throws IOException {
        authentication.close();
        try (var files = Files.walk(directory)) {
            for (Path file : files.sorted(Collections.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
