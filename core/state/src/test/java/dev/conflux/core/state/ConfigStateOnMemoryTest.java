package dev.conflux.core.state;

class ConfigStateOnMemoryTest extends ConfigStateContract {

    @Override
    protected StateStore open(String name) {
        return new InMemoryStateStore();
    }
}
