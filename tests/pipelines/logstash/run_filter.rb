# Runs the rendered filter script as Logstash's ruby filter does, without Logstash: the script is evaluated in
# an object, `register` gets the parameters, and each line of standard input is one event.
#
#   ruby run_filter.rb SCRIPT PARAMETERS_AS_JSON NOW_IN_SECONDS

require "json"
require "time"

module LogStash
  # What the script uses of Logstash's event: fields by name, and what is beside them in @metadata.
  class Event
    def initialize(fields)
      @fields = fields.reject { |key, _| key == "@metadata" }
      @metadata = fields["@metadata"] || {}
    end

    def to_hash = @fields
    def to_json(*) = JSON.generate(@fields)

    def get(reference)
      path(reference).reduce({ "@metadata" => @metadata }.merge(@fields)) { |at, key| at.is_a?(Hash) ? at[key] : nil }
    end

    def set(reference, value)
      *to, last = path(reference)
      root = to.first == "@metadata" ? { "@metadata" => @metadata } : @fields
      to.reduce(root) { |at, key| at[key] ||= {} }[last] = value
    end

    def path(reference) = reference.start_with?("[") ? reference.scan(/\[([^\]]+)\]/).flatten : [reference]
  end
end

script, parameters, now = ARGV
NOW = Time.at(now.to_i)
Time.define_singleton_method(:now) { NOW }
context = Object.new
context.instance_eval(File.read(script), script, 1)
context.register(JSON.parse(parameters))
$stdin.set_encoding("UTF-8")
$stdin.each_line do |line|
  given = JSON.parse(line, max_nesting: false)
  given["message"] = given["message"].force_encoding("UTF-8") if given["message"].is_a?(String)
  given["message"] = [given.delete("hex")].pack("H*").force_encoding("UTF-8") if given["hex"]
  puts(context.filter(LogStash::Event.new(given)).map do |event|
    { "document" => event.to_hash, "stream" => event.get("[@metadata][mlmon][stream]") }
  end.to_json)
end
