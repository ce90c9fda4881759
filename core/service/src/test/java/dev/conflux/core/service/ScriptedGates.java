package dev.conflux.core.service;

import dev.conflux.core.model.Gate;
import dev.conflux.core.model.Rollout;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** Gates that answer what a test says; URLs that name no host are refused. */
public final class ScriptedGates implements GateProbe {

    /** How often a gate was asked. */
    public final AtomicInteger asked = new AtomicInteger();

    private volatile Answer answer = new Answer.Pass("scripted");

    /** From now on every gate says this. */
    public void answer(Answer next) {
        answer = next;
    }

    @Override
    public Optional<String> refusal(Gate gate) {
        @Nullable
        String url = switch (gate) {
            case Gate.Manual manual -> null;
            case Gate.Prometheus prometheus -> prometheus.url();
            case Gate.Webhook webhook -> webhook.url();
        };
        return url == null || url.startsWith("http://gates.test") ? Optional.empty() : Optional.of(url);
    }

    @Override
    public Answer ask(Gate gate, Rollout rollout, String configName) {
        asked.incrementAndGet();
        return answer;
    }
}
