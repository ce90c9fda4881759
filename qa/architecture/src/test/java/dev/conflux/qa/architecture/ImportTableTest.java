package dev.conflux.qa.architecture;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The table of {@code docs/architecture.md}: each module, what it may import, what it must not know. */
@AnalyzeClasses(
        packages = "dev.conflux",
        importOptions = {ImportOption.DoNotIncludeTests.class, ImportTableTest.NoTestArtifacts.class})
class ImportTableTest {

    /** The simulator brings the tests of the state, as a jar. */
    static final class NoTestArtifacts implements ImportOption {
        @Override
        public boolean includes(Location location) {
            return !location.contains("-tests.jar");
        }
    }

    private static final String BASE = "dev.conflux.base..";
    /** Does nothing in a distribution, so everybody may name a point. */
    private static final String FAILPOINT = "dev.conflux.base.failpoint..";

    private static final String CONSENSUS_API = "dev.conflux.consensus.api..";
    private static final String TESTKIT = "dev.conflux.consensus.testkit..";
    private static final String JRAFT = "dev.conflux.consensus.jraft..";

    /** The engine's own protobuf, relocated. */
    private static final String ENGINE = "dev.conflux.consensus.engine..";

    private static final String SAMPLES = "dev.conflux.consensus.samples..";
    private static final String MODEL = "dev.conflux.core.model..";
    private static final String FORMAT = "dev.conflux.core.format..";
    private static final String STATE = "dev.conflux.core.state..";
    private static final String SERVICE = "dev.conflux.core.service..";
    private static final String ADAPTER = "dev.conflux.adapter..";
    private static final String PROTOCOL = "dev.conflux.protocol..";
    private static final String SERVER = "dev.conflux.server..";
    private static final String SIMULATOR = "dev.conflux.qa.simulator..";
    private static final String LOCAL = "dev.conflux.tool.local..";
    private static final String INSPECTOR = "dev.conflux.tool.inspector..";

    /** JDK and annotations: allowed everywhere. */
    private static final String[] EVERYWHERE = {"java..", "javax..", "org.jspecify..", "com.google.errorprone.."};

    @ArchTest
    static final ArchRule BASE_KNOWS_NOTHING_OF_OURS =
            noClasses().that().resideInAPackage(BASE).should().dependOnClassesThat(ours(BASE));

    @ArchTest
    static final ArchRule CONSENSUS_API_KNOWS_ONLY_THE_JDK =
            classes().that().resideInAPackage(CONSENSUS_API).should().onlyDependOnClassesThat(with(CONSENSUS_API));

    @ArchTest
    static final ArchRule TESTKIT_KNOWS_ONLY_THE_JDK =
            classes().that().resideInAPackage(TESTKIT).should().onlyDependOnClassesThat(with(TESTKIT));

    @ArchTest
    static final ArchRule JRAFT_KNOWS_ONLY_ITS_CONTRACT_AND_BASE = noClasses()
            .that()
            .resideInAPackage(JRAFT)
            .should()
            .dependOnClassesThat(ours(JRAFT, ENGINE, CONSENSUS_API, BASE));

    @ArchTest
    static final ArchRule SAMPLES_KNOW_ONLY_THE_COMPONENT = noClasses()
            .that()
            .resideInAPackage(SAMPLES)
            .should()
            .dependOnClassesThat(ours(SAMPLES, JRAFT, CONSENSUS_API, BASE));

    @ArchTest
    static final ArchRule SAMPLE_STATE_MACHINES_KNOW_ONLY_THE_CONTRACT = noClasses()
            .that()
            .resideInAPackage(SAMPLES)
            .and()
            .areAssignableTo(dev.conflux.consensus.api.StateMachine.class)
            .should()
            .dependOnClassesThat(ours(SAMPLES, CONSENSUS_API, FAILPOINT));

    @ArchTest
    static final ArchRule ONLY_THE_ENGINE_MODULE_KNOWS_THE_ENGINE = noClasses()
            .that()
            .resideOutsideOfPackage(JRAFT)
            .should()
            .dependOnClassesThat()
            .resideInAPackage("com.alipay.sofa..");

    @ArchTest
    static final ArchRule MODEL_KNOWS_ONLY_THE_JDK =
            classes().that().resideInAPackage(MODEL).should().onlyDependOnClassesThat(with(MODEL));

    @ArchTest
    static final ArchRule FORMAT_KNOWS_THE_MODEL_AND_PARSERS = noClasses()
            .that()
            .resideInAPackage(FORMAT)
            .should()
            .dependOnClassesThat(ours(FORMAT, MODEL))
            .orShould()
            .dependOnClassesThat(resideInAnyPackage("java.net.http..", "java.net.Socket", "java.nio.file.."));

    @ArchTest
    static final ArchRule STATE_KNOWS_MODEL_AND_THE_CONSENSUS_CONTRACT = noClasses()
            .that()
            .resideInAPackage(STATE)
            .should()
            .dependOnClassesThat(ours(STATE, MODEL, CONSENSUS_API, FAILPOINT));

    @ArchTest
    static final ArchRule STATE_IS_DETERMINISTIC = noClasses()
            .that()
            .resideInAPackage(STATE)
            .should()
            .dependOnClassesThat(resideInAnyPackage(
                    "java.time..",
                    "java.net..",
                    "java.text..",
                    "java.util.regex..",
                    "java.util.random..",
                    "java.util.concurrent.locks..",
                    "org.rocksdb..",
                    "io.vertx..",
                    "tools.jackson.."));

    @ArchTest
    static final ArchRule STATE_USES_NO_CLOCK_RANDOMNESS_LOCALE_OR_THREAD = noClasses()
            .that()
            .resideInAPackage(STATE)
            .should()
            .callMethod(System.class, "currentTimeMillis")
            .orShould()
            .callMethod(System.class, "nanoTime")
            .orShould()
            .callMethod(Math.class, "random")
            .orShould()
            .dependOnClassesThat()
            .haveFullyQualifiedName("java.util.Random")
            .orShould()
            .dependOnClassesThat()
            .haveFullyQualifiedName("java.util.UUID")
            .orShould()
            .dependOnClassesThat()
            .haveFullyQualifiedName("java.util.Locale")
            .orShould()
            .dependOnClassesThat()
            .haveFullyQualifiedName("java.lang.Thread");

    @ArchTest
    static final ArchRule SERVICE_KNOWS_NO_TRANSPORT_AND_NO_DRIVER = noClasses()
            .that()
            .resideInAPackage(SERVICE)
            .should()
            .dependOnClassesThat(
                    ours(SERVICE, STATE, FORMAT, MODEL, CONSENSUS_API, FAILPOINT, "dev.conflux.base.observe.."))
            .orShould()
            .dependOnClassesThat(
                    resideInAnyPackage("io.vertx..", "io.netty..", "java.sql..", "org.rocksdb..", "com.alipay.."));

    @ArchTest
    static final ArchRule ADAPTERS_KNOW_THE_OWNER_OF_THEIR_PORT = noClasses()
            .that()
            .resideInAPackage(ADAPTER)
            .should()
            .dependOnClassesThat(ours(ADAPTER, STATE, SERVICE, MODEL, BASE));

    @ArchTest
    static final ArchRule ADAPTERS_DO_NOT_KNOW_EACH_OTHER = noClasses()
            .that()
            .resideInAPackage("dev.conflux.adapter.rocksdb..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.conflux.adapter.postgres..");

    @ArchTest
    static final ArchRule PROTOCOLS_KNOW_SERVICES_NOT_WHAT_LIES_BELOW = noClasses()
            .that()
            .resideInAPackage(PROTOCOL)
            .should()
            .dependOnClassesThat(ours(PROTOCOL, SERVICE, MODEL, BASE))
            .orShould()
            .dependOnClassesThat(resideInAnyPackage("java.sql..", "org.rocksdb..", "com.alipay.."));

    @ArchTest
    static final ArchRule NOBODY_IMPORTS_THE_SERVER = noClasses()
            .that()
            .resideOutsideOfPackage(SERVER)
            .should()
            .dependOnClassesThat()
            .resideInAPackage(SERVER);

    @ArchTest
    static final ArchRule THE_LOCAL_CLUSTER_DOES_NOT_REACH_INTO_THE_NODE = noClasses()
            .that()
            .resideInAPackage(LOCAL)
            .should()
            .dependOnClassesThat(ours(LOCAL, BASE, "dev.conflux.adapter.postgres.."));

    /** It reads the stored state with the one adapter that knows how it is stored. */
    @ArchTest
    static final ArchRule THE_INSPECTOR_KNOWS_WHAT_IS_STORED_NOT_HOW_IT_IS_SERVED = noClasses()
            .that()
            .resideInAPackage(INSPECTOR)
            .should()
            .dependOnClassesThat(
                    ours(INSPECTOR, "dev.conflux.consensus..", MODEL, STATE, "dev.conflux.adapter.rocksdb.."));

    @ArchTest
    static final ArchRule SIMULATOR_KNOWS_THE_STATE_NOT_THE_NODE = noClasses()
            .that()
            .resideInAPackage(SIMULATOR)
            .should()
            .dependOnClassesThat(ours(SIMULATOR, STATE, MODEL, CONSENSUS_API, TESTKIT));

    /** One seed, one run: nothing but the seed may choose. */
    @ArchTest
    static final ArchRule SIMULATION_USES_NO_CLOCK_AND_NO_OTHER_RANDOMNESS = noClasses()
            .that()
            .resideInAPackage(SIMULATOR)
            .and()
            .doNotHaveSimpleName("Simulate")
            .should()
            .callMethod(System.class, "currentTimeMillis")
            .orShould()
            .callMethod(System.class, "nanoTime")
            .orShould()
            .callMethod(Math.class, "random")
            .orShould()
            .dependOnClassesThat()
            .haveFullyQualifiedName("java.util.Random")
            .orShould()
            .dependOnClassesThat()
            .haveFullyQualifiedName("java.lang.Thread");

    @ArchTest
    static final ArchRule NO_JAVA_SERIALISATION = noClasses()
            .that()
            .resideOutsideOfPackage(ENGINE)
            .should()
            .dependOnClassesThat()
            .haveFullyQualifiedName("java.io.ObjectInputStream")
            .orShould()
            .dependOnClassesThat()
            .haveFullyQualifiedName("java.io.ObjectOutputStream");

    private ImportTableTest() {}

    /** Our classes outside the allowed packages. */
    private static com.tngtech.archunit.base.DescribedPredicate<com.tngtech.archunit.core.domain.JavaClass> ours(
            String... allowed) {
        return resideInAPackage("dev.conflux..").and(not(resideInAnyPackage(allowed)));
    }

    private static com.tngtech.archunit.base.DescribedPredicate<com.tngtech.archunit.core.domain.JavaClass> with(
            String own) {
        return resideInAPackage(own).or(resideInAnyPackage(EVERYWHERE));
    }
}
