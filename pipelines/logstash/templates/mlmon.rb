# Holds each line against the rules of the schema (rules.json) and gives the document that is stored, or a dead
# letter with the reason. It is Ruby because no other filter of Logstash can tell a text from a number, walk
# through the members of an object, or count bytes.
#
# Rendered by `mlmon pipeline render logstash`; do not edit it. What it does is said, step by step, in mlmon's
# pipelines/logstash/effect.py, and both are held to one table of lines.

require "digest"
require "json"
require "securerandom"
require "time"

def register(params)
  @rules = JSON.parse(File.read(params["rules"], encoding: "UTF-8"))
  @names = @rules["names"]
  @stage = params.fetch("stage", "lines")
  @routes_itself = params["routes_itself"].to_s == "true"
  @hard_names = params.fetch("hard_names", "none")
  @fields = @rules["fields"]
  @known = @rules["known"].to_h { |name| [name, true] }
  @datasets = @rules["datasets"].to_h { |name| [name, true] }
  @own = @rules["own"].to_h { |name| [name, true] }
  @most_bytes = @rules["max_event_bytes"]
  @mark = @rules["line_mark"]
  @string = /"(?:[^"\\]|\\.)*"?/m
  @rfc_3339 = /\A(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?([Zz]|[+-]\d{2}:?\d{2})\z/
  @iso = /\A(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2})(:\d{2})?(?:[.,](\d+))?)?([Zz]|[+-]\d{2}(?::?\d{2})?)?\z/
  @namespace = /\A[^\sA-Z\\\/*?"<>|,#:.+_-][^\sA-Z\\\/*?"<>|,#:-]*\z/
end

def filter(event)
  return [rejected(event)] if @stage == "rejected"

  line, raw, name = unwrapped(*record(event))
  begin
    document = checked(line, raw, peer(event), name)
  rescue Refused => refused
    return [dead_letter(line || JSON.generate(raw), refused.reason, refused.message)]
  end
  [stored(document)]
end

class Refused < StandardError
  attr_reader :reason

  def initialize(reason, detail)
    super(detail)
    @reason = reason
  end
end

# What came: a line of text, or fields where the input has read it already, as Beats and json_lines do.
def record(event)
  fields = event.to_hash
  is_text = event.get("[@metadata][mlmon][form]") == "text"
  unread = (fields["tags"] || []).to_a & ["_jsonparsefailure", "_jsonparsetoobigfailure"]
  return [fields["message"].to_s, nil] if is_text || !unread.empty?

  raw = fields.reject { |key, _| key == "@version" || key == "@metadata" }
  raw["@timestamp"] = raw.delete("_@timestamp") || raw["@timestamp"].to_s
  if raw["tags"].respond_to?(:to_a)
    raw["tags"] = raw["tags"].to_a - ["_timestampparsefailure"]
    raw.delete("tags") if raw["tags"].empty?
  end
  [nil, plain(raw)]
end

# An agent that reads files sends each line in a record of its own, marked as such. What counts is the line; one
# without an id is named after the record, which says when and where it was read.
def unwrapped(line, raw)
  return [line, raw, nil] unless raw.nil? ? line.include?("\"#{@mark}\"") : raw.key?(@mark)

  size = line.nil? ? JSON.generate(raw).bytesize : line.bytesize
  around = size > @most_bytes ? nil : raw || attempted(line)
  return [line, raw, nil] if around.nil?

  name = "agent.#{digest(JSON.generate(sorted(around)))}"
  around.key?(@mark) && around["message"].is_a?(String) ? [around["message"], nil, name] : [line, raw, name]
end

def attempted(line)
  read(line)
rescue Refused
  nil
end

def sorted(value)
  case value
  when Hash then value.sort.to_h { |key, each| [key, sorted(each)] }
  when Array then value.map { |each| sorted(each) }
  else value
  end
end

# Logstash's own kinds of values as Ruby's, so that they can be told apart.
def plain(value)
  case value
  when Hash then value.to_h { |key, each| [key.to_s, plain(each)] }
  when Array then value.map { |each| plain(each) }
  when String, Integer, Float, true, false, nil then value
  when Numeric then value.to_f
  else value.to_s
  end
end

def peer(event)
  places = ["mlmon][peer", "input][tcp][source][ip", "input][beats][host][ip"].map { |place| "[@metadata][#{place}]" }
  places.map { |place| event.get(place) }.compact.first.to_s
end

def checked(line, raw, peer, name)
  text = line || JSON.generate(raw)
  too_large(text.bytesize) if text.bytesize > @most_bytes
  raw ||= read(text)
  document = raw
  if (wrong = fault(raw))
    size = names_bytes(raw)
    too_large(size) if size > @most_bytes
    document = normalised(raw, text, peer, name)
    raise Refused.new("not_valid", wrong) if document == raw

    wrong = fault(document)
    size = wrong.nil? ? JSON.generate(document).bytesize : 0
    too_large(size) if size > @most_bytes
  end
  raise Refused.new("not_valid", wrong) if wrong

  check_time(document)
  check_namespace(document)
  document
end

def read(text)
  raise Refused.new("not_utf8", "The line is not UTF-8.") unless text.valid_encoding? && !replaced?(text)
  if text.count("[{") > @rules["most_nesting"] && nesting(text) > @rules["most_nesting"]
    raise Refused.new("too_deep", "The line is nested too deeply. Send flat documents.")
  end
  raise Refused.new("not_json", "The line is no JSON.") unless strict?(text)

  begin
    raw = JSON.parse(text, max_nesting: @rules["most_nesting"] + 1)
  rescue JSON::ParserError
    raise Refused.new("not_json", "The line is no JSON.")
  end
  raise Refused.new("not_valid", "The line is no JSON object.") unless raw.is_a?(Hash)
  if text.match?(/[eE]\+?\d{3}|\d{309}/) && !finite?(raw)
    raise Refused.new("not_valid", "A number is beyond what 64 bits can say.")
  end
  raw
end

# Logstash's codecs show bytes that are not UTF-8 as \xFF, and quotes around them as \".
def replaced?(text)
  text.include?("\\x") && text.match?(/\A\s*[\[{]\s*\\"/) && text.match?(/\\x\h\h/)
end

def nesting(text)
  depth = deepest = 0
  text.gsub(@string, "").scan(/[\[{\]}]/) do |mark|
    depth += mark == "{" || mark == "[" ? 1 : -1
    deepest = depth if depth > deepest
  end
  deepest
end

# Ruby's parser also takes comments, escapes that JSON does not have, and halves of surrogate pairs.
def strict?(text)
  return false if text.include?("/") && text.gsub(@string, "").include?("/")
  return true unless text.include?("\\")

  unpaired = text.gsub(/\\u[dD][89abAB]\h\h\\u[dD][c-fC-F]\h\h/, "")
  !unpaired.gsub(/\\["\\\/bfnrt]|\\u(?![dD][89a-fA-F])\h{4}/, "").include?("\\")
end

def finite?(value)
  case value
  when Hash then value.values.all? { |each| finite?(each) }
  when Array then value.all? { |each| finite?(each) }
  when Float then value.finite?
  when Integer then value.to_f.finite?
  else true
  end
end

def fault(document)
  dataset = document[@names["dataset"]]
  checks = dataset.is_a?(String) ? @fields[dataset] : nil
  return "#{@names["dataset"]} must be one of #{@fields.keys.join(", ")}." if checks.nil?

  checks.each do |name, check|
    if !document.key?(name)
      return "#{name} is missing." if check["required"]
    elsif (!document[name].nil? || check["required"]) && !fits?(document[name], check)
      return "#{name} must be #{wanted(check)}."
    end
  end
  nil
end

def wanted(check)
  return "a text of 1 to #{@rules["longest_id"]} characters" if check["is_id"]

  {
    "date" => "a time as RFC 3339 with a zone", "keyword" => "a text", "text" => "a text",
    "long" => "a whole number of 64 bits", "double" => "a number", "boolean" => "true or false",
    "keyword_list" => "a list of texts", "double_map" => "an object of numbers",
    "keyword_map" => "an object of texts"
  }.fetch(check["type"])
end

def fits?(value, check)
  return false if check["is_id"] && !(value.is_a?(String) && value.length.between?(1, @rules["longest_id"]))

  case check["type"]
  when "date" then value.is_a?(String) && !rfc_3339(value).nil?
  when "keyword", "text" then value.is_a?(String)
  when "long" then long?(value)
  when "double" then number?(value)
  when "boolean" then value == true || value == false
  when "keyword_list" then words?(value)
  when "double_map" then value.is_a?(Hash) && value.values.all? { |each| each.nil? || number?(each) }
  when "keyword_map" then value.is_a?(Hash) && value.values.all? { |each| each.nil? || each.is_a?(String) }
  end
end

def long?(value)
  value.is_a?(Integer) && value.between?(-(2**63), 2**63 - 1)
end

def number?(value)
  (value.is_a?(Integer) || value.is_a?(Float)) && value.to_f.finite?
end

def words?(value)
  value.is_a?(Array) && value.all? { |each| each.is_a?(String) }
end

# A time with its zone, cut to microseconds; nil where it is none.
def rfc_3339(text)
  found = @rfc_3339.match(text)
  return nil if found.nil?

  year, month, day, hour, minute, second = found[1..6].map(&:to_i)
  micros = (found[7] || "0")[0, 6].ljust(6, "0").to_i
  return nil unless Date.valid_date?(year, month, day) && year.positive?
  return nil if hour > 23 || minute > 59 || second > 59

  offset = offset_s(found[8])
  return nil if offset.nil?

  moment = Time.utc(year, month, day, hour, minute, second, micros) - offset
  moment.year.between?(1, 9999) ? moment : nil
end

def offset_s(zone)
  return 0 if zone == "Z" || zone == "z"

  hours, minutes = zone[1, 2].to_i, zone[-2, 2].to_i
  return nil if hours > 23 || minutes > 59

  (hours * 3600 + minutes * 60) * (zone[0] == "-" ? -1 : 1)
end

def isoformat(moment)
  moment.getutc.strftime("%Y-%m-%dT%H:%M:%S.%6NZ")
end

def names_bytes(nested, prefix = 0)
  nested.sum do |key, value|
    size = prefix + key.length
    value.is_a?(Hash) ? names_bytes(value, size + 1) : size
  end
end

def flatten(prefix, nested, flat)
  nested.each do |key, value|
    name = prefix + key
    if value.is_a?(Hash) && !@known.key?(name)
      flatten("#{name}.", value, flat)
    else
      flat[name] = value
    end
  end
  flat
end

def normalised(raw, text, peer, name)
  flat = flatten("", raw, {})
  return flat if @datasets.key?(flat[@names["dataset"]]) || flat.keys.any? { |name| @own.key?(name) }

  app_log(flat, text, peer, name)
end

def app_log(flat, text, peer, name)
  document = { @names["dataset"] => @rules["app"] }
  labels = {}
  is_fine = false
  flat.each do |key, value|
    known = name_of(key)
    fitted = known.nil? || document.key?(known) ? nil : fit(known, value)
    if !fitted.nil?
      document[known] = fitted
      is_fine ||= known == @names["timestamp"] && fine?(value)
    elsif !value.nil?
      short = short(key, @rules["nesting_lost"] + ["#{@names["labels"]}."])
      labels[labels.key?(short) ? key : short] = text_of(value)
    end
  end
  document[@names["timestamp"]] ||= isoformat(Time.now)
  document[@names["level"]] ||= "info"
  document[@names["message"]] ||= ""
  document[@names["id"]] ||= name || (is_fine ? "line.#{digest("#{peer}\n#{text}")}" : "logstash.#{SecureRandom.hex(16)}")
  document[@names["labels"]] = (document[@names["labels"]] || {}).merge(labels) unless labels.empty?
  document
end

def digest(text)
  Digest::SHA256.hexdigest(text)[0, 32]
end

def name_of(key)
  bare = short(key, @rules["nesting_lost"])
  name = @rules["aliases"].fetch(bare, bare)
  @fields[@rules["app"]].key?(name) ? name : nil
end

def short(key, prefixes)
  prefixes.reduce(key) { |rest, prefix| rest.delete_prefix(prefix) }
end

def fit(name, value)
  return @rules["levels"][value.to_s.downcase] if name == @names["level"]

  check = @fields[@rules["app"]][name]
  case check["type"]
  when "date" then moment(value)
  when "keyword", "text" then word(value, check)
  when "long" then value.is_a?(Integer) && value.abs < 2**63 ? value : nil
  when "keyword_map" then value.is_a?(Hash) ? value.compact.transform_values { |each| text_of(each) } : nil
  when "keyword_list" then words?(value) ? value : nil
  end
end

def word(value, check)
  return nil unless [String, Integer, Float, TrueClass, FalseClass].any? { |kind| value.is_a?(kind) }

  text = text_of(value)
  check["is_id"] && !text.length.between?(1, @rules["longest_id"]) ? nil : text
end

def moment(value)
  return iso(value.strip) if value.is_a?(String)
  return nil unless value.is_a?(Integer) || value.is_a?(Float)

  seconds = value.abs > @rules["epoch_ms_above"] ? value.to_r / 1000 : value.to_r
  found = Time.at(seconds.round(6))
  found.getutc.year.between?(1, 9999) ? isoformat(found) : nil
rescue FloatDomainError, RangeError
  nil
end

def iso(text)
  found = @iso.match(text)
  return nil if found.nil?

  zone = found[5].nil? || found[5].casecmp?("z") ? "Z" : found[5][0] + found[5][1..].delete(":").ljust(4, "0")
  read = rfc_3339("#{found[1]}T#{found[2] || "00:00"}#{found[3] || ":00"}.#{found[4] || "0"}#{zone}")
  read.nil? ? nil : isoformat(read)
end

def fine?(value)
  return value.include?(".") || value.include?(",") if value.is_a?(String)

  value.is_a?(Float) || value.abs > @rules["epoch_ms_above"]
end

def text_of(value)
  value.is_a?(String) ? value : JSON.generate(value)
end

def check_time(document)
  moment = rfc_3339(document[@names["timestamp"]])
  most = @rules["max_future_s"]
  return if moment <= Time.now + most

  detail = "The timestamp is more than #{most} s ahead of the clock. Check the host's clock."
  raise Refused.new("in_the_future", detail)
end

def check_namespace(document)
  named = document[@names["namespace"]]
  return if named.nil? || (named.length <= @rules["longest_namespace"] && named.match?(@namespace))

  raise Refused.new("not_valid", "#{@names["namespace"]} can be no part of a data stream's name.")
end

def too_large(size)
  raise Refused.new("too_large", "The line has #{size} bytes; at most #{@most_bytes} are allowed.")
end

def stored(document)
  document = document.dup
  # What stands there is for Logstash and its outputs, and no sender's to say.
  document.delete("@metadata")
  document[@names["timestamp"]] = isoformat(rfc_3339(document[@names["timestamp"]]))
  set_aside(document)
  routed(document, document[@names["dataset"]], document[@names["namespace"]] || @rules["namespace"])
end

# A cluster refuses an event for a member's name that is blank, and OpenSearch for one with dots. Such members are
# kept where nothing is indexed, as mlmon's own writer does it.
def set_aside(document)
  return if @hard_names == "none"

  @rules["families"].each do |family|
    next unless document[family].is_a?(Hash)

    hard, easy = document[family].partition { |name, _| hard?(name) }.map(&:to_h)
    next if hard.empty?

    document[family] = easy
    document[@rules["unindexed"]] = (document[@rules["unindexed"]] || {}).merge({ family => hard })
  end
end

def hard?(name)
  name.strip.empty? || (@hard_names == "dotted" && name.include?("."))
end

# An event that a cluster refused, read from Logstash's dead letter queue. What was added on the way here is
# taken away again, so that it may be sent once more as it came.
def rejected(event)
  fields = plain(event.to_hash).reject { |key, _| ["@version", @names["ingested"]].include?(key) }
  routing = fields.delete("data_stream")
  fields[@names["namespace"]] = routing["namespace"] if routing.is_a?(Hash)
  reason = event.get("[@metadata][dead_letter_queue][reason]").to_s
  dead_letter(JSON.generate(fields), "not_indexed", "The cluster refused it: #{reason}")
end

def dead_letter(line, reason, detail)
  document = {
    @names["timestamp"] => isoformat(Time.now),
    @names["level"] => "error",
    @names["message"] => "A line was refused: #{detail}",
    @names["id"] => "dead.#{digest(line)}",
    @names["dataset"] => @rules["app"],
    @names["error_type"] => reason,
    @names["error_message"] => detail,
    @names["original"] => line.byteslice(0, @most_bytes).scrub,
    "tags" => [@rules["dead_letter_tag"], "mlmon_#{reason}"]
  }
  routed(document, "#{@rules["app"]}.#{@rules["dead_letter_stream"]}", @rules["namespace"])
end

# The output for Elasticsearch finds its data stream in the object `data_stream`; for others the name is beside.
def routed(document, dataset, namespace)
  document[@names["ingested"]] = isoformat(Time.now)
  if @routes_itself
    document.delete(@names["namespace"])
    document["data_stream"] = { "type" => "logs", "dataset" => dataset, "namespace" => namespace }
  end
  event = LogStash::Event.new(document)
  event.set("[@metadata][mlmon][stream]", "logs-#{dataset}-#{namespace}")
  event
end
