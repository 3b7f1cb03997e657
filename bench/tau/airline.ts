/**
 * The airline of tau-bench (Sierra, MIT): flights, reservations, users, and what an agent may do to them. Written anew from what the original does, so that its recorded runs can be
 * played again and the databases compared; what it does in an odd way is kept.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Tool, tool } from 'tutti'
import { z } from 'zod'
import { pythonJson } from './python.ts'

interface FlightDate {
  readonly status: string
  readonly available_seats?: Record<string, number>
  readonly prices?: Record<string, number>
}
interface Flight {
  readonly flight_number: string
  readonly origin: string
  readonly destination: string
  readonly scheduled_departure_time_est: string
  readonly scheduled_arrival_time_est: string
  readonly dates: Record<string, FlightDate>
}
interface Leg {
  flight_number: string
  date: string
  price?: number
  origin?: string
  destination?: string
}
interface Payment {
  payment_id: string
  amount: number
}
interface Reservation {
  reservation_id: string
  user_id: string
  origin: string
  destination: string
  flight_type: string
  cabin: string
  flights: Leg[]
  passengers: unknown[]
  payment_history: Payment[]
  created_at: string
  total_baggages: number
  nonfree_baggages: number
  insurance: string
  status?: string
}
interface User {
  payment_methods: Record<string, { source: string; amount?: number; id?: string }>
  reservations: string[]
}
// biome-ignore lint/suspicious/noExplicitAny: tools of anything
type AnyTool = Tool<any, any>

export interface Airline {
  readonly flights: Record<string, Flight>
  readonly reservations: Record<string, Reservation>
  readonly users: Record<string, User>
}

/** A database as it is before a conversation. */
export function airlineAt(data: string): () => Airline {
  const text = (name: string): string => readFileSync(join(data, `tau-bench/tau_bench/envs/airline/data/${name}.json`), 'utf8')
  const [flights, reservations] = [text('flights'), text('reservations')]
  // The field was called so when the conversations were recorded, and renamed later.
  const users = text('users').replaceAll('"state":', '"province":')
  // Nothing that an agent may do changes the flights.
  const all = Object.freeze(JSON.parse(flights) as Airline['flights'])
  return () => ({ flights: all, reservations: JSON.parse(reservations), users: JSON.parse(users) })
}

/** An answer for the model, beginning with `Error:` where the airline refuses. */
class Refused extends Error {}
const refuse = (why: string): never => {
  throw new Refused(`Error: ${why}`)
}

const leg = z.object({ flight_number: z.string(), date: z.string() })
const passenger = z.object({ first_name: z.string(), last_name: z.string(), dob: z.string() })
const cabin = z.enum(['basic_economy', 'economy', 'business'])

/** A leg with its seat price, if it can be flown; what was asked beside it stays where it was, as in the original. */
function fareOf({ flights }: Airline, asked: Leg, inCabin: string, seats: number): Required<Leg> {
  const { flight_number, date } = asked
  const flight = flights[flight_number] ?? refuse(`flight ${flight_number} not found`)
  const day = flight.dates[date] ?? refuse(`flight ${flight_number} not found on date ${date}`)
  if (day.status !== 'available') refuse(`flight ${flight_number} not available on date ${date}`)
  if ((day.available_seats?.[inCabin] ?? 0) < seats) refuse(`not enough seats on flight ${flight_number}`)
  return { ...asked, price: day.prices?.[inCabin] ?? 0, origin: flight.origin, destination: flight.destination }
}

const bookingOf = z.object({
  user_id: z.string(),
  origin: z.string(),
  destination: z.string(),
  flight_type: z.enum(['one_way', 'round_trip']),
  cabin,
  flights: z.array(leg),
  passengers: z.array(passenger),
  payment_methods: z.array(z.object({ payment_id: z.string(), amount: z.number() })),
  total_baggages: z.number(),
  nonfree_baggages: z.number(),
  insurance: z.enum(['yes', 'no']),
})

function book(airline: Airline, { payment_methods, ...asked }: z.infer<typeof bookingOf>): string {
  const { users, reservations } = airline
  const user = users[asked.user_id] ?? refuse('user not found')
  const reservation_id = ['HATHAT', 'HATHAU'].find((id) => !(id in reservations)) ?? 'HATHAV'
  const flights = asked.flights.map((each) => fareOf(airline, each, asked.cabin, asked.passengers.length))
  const seats = flights.reduce((sum, { price }) => sum + price, 0) * asked.passengers.length
  const total = seats + (asked.insurance === 'yes' ? 30 * asked.passengers.length : 0) + 50 * asked.nonfree_baggages
  for (const { payment_id, amount } of payment_methods) {
    const method = user.payment_methods[payment_id] ?? refuse(`payment method ${payment_id} not found`)
    if (['gift_card', 'certificate'].includes(method.source) && (method.amount ?? 0) < amount) refuse(`not enough balance in payment method ${payment_id}`)
  }
  const paid = payment_methods.reduce((sum, { amount }) => sum + amount, 0)
  if (paid !== total) refuse(`payment amount does not add up, total price is ${total}, but paid ${paid}`)
  for (const { payment_id, amount } of payment_methods) {
    const method = user.payment_methods[payment_id]
    if (method?.source === 'gift_card') method.amount = (method.amount ?? 0) - amount
    else if (method?.source === 'certificate') delete user.payment_methods[payment_id]
  }
  const { user_id, origin, destination, flight_type, cabin: inCabin, passengers, total_baggages, nonfree_baggages, insurance } = asked
  const made = { reservation_id, user_id, origin, destination, flight_type, cabin: inCabin, flights, passengers, payment_history: payment_methods }
  const reservation = { ...made, created_at: '2024-05-15T15:00:00', total_baggages, nonfree_baggages, insurance }
  reservations[reservation_id] = reservation
  user.reservations.push(reservation_id)
  return pythonJson(reservation)
}

function cancel({ reservations }: Airline, { reservation_id }: { reservation_id: string }): string {
  const reservation = reservations[reservation_id] ?? refuse('reservation not found')
  reservation.payment_history.push(...reservation.payment_history.map(({ payment_id, amount }) => ({ payment_id, amount: -amount })))
  reservation.status = 'cancelled'
  return pythonJson(reservation)
}

/** What pays for a change. */
function payerOf({ users }: Airline, { user_id }: Reservation, payment_id: string, price: number): User['payment_methods'][string] {
  const method = users[user_id]?.payment_methods[payment_id] ?? refuse('payment method not found')
  if (method.source === 'certificate') refuse('certificate cannot be used to update reservation')
  if (method.source === 'gift_card' && (method.amount ?? 0) < price) refuse('gift card balance is not enough')
  return method
}

function pay(reservation: Reservation, method: User['payment_methods'][string], payment_id: string, price: number): void {
  if (method.source === 'gift_card') method.amount = (method.amount ?? 0) - price
  if (price !== 0) reservation.payment_history.push({ payment_id, amount: price })
}

const baggageOf = z.object({ reservation_id: z.string(), total_baggages: z.number(), nonfree_baggages: z.number(), payment_id: z.string() })
function updateBaggage(airline: Airline, { reservation_id, total_baggages, nonfree_baggages, payment_id }: z.infer<typeof baggageOf>): string {
  const reservation = airline.reservations[reservation_id] ?? refuse('reservation not found')
  const price = 50 * Math.max(0, nonfree_baggages - reservation.nonfree_baggages)
  const method = payerOf(airline, reservation, payment_id, price)
  Object.assign(reservation, { total_baggages, nonfree_baggages })
  pay(reservation, method, payment_id, price)
  return pythonJson(reservation)
}

const changeOf = z.object({ reservation_id: z.string(), cabin, flights: z.array(leg), payment_id: z.string() })
/** The cabin of the reservation stays what it was, as in the original. */
function updateFlights(airline: Airline, asked: z.infer<typeof changeOf>): string {
  const reservation = airline.reservations[asked.reservation_id] ?? refuse('reservation not found')
  const seats = reservation.passengers.length
  const flights = asked.flights.map((each) => {
    const kept = reservation.flights.find(({ flight_number, date }) => flight_number === each.flight_number && date === each.date)
    if (!kept || asked.cabin !== reservation.cabin) return fareOf(airline, each, asked.cabin, seats)
    return { ...each, price: kept.price ?? 0, origin: kept.origin ?? '', destination: kept.destination ?? '' }
  })
  const sum = (of: readonly Leg[]): number => of.reduce((all, { price = 0 }) => all + price, 0) * seats
  const price = sum(flights) - sum(reservation.flights)
  const method = payerOf(airline, reservation, asked.payment_id, price)
  reservation.flights = flights
  pay(reservation, method, asked.payment_id, price)
  return pythonJson(reservation)
}

const passengersOf = z.object({ reservation_id: z.string(), passengers: z.array(passenger) })
function updatePassengers({ reservations }: Airline, { reservation_id, passengers }: z.infer<typeof passengersOf>): string {
  const reservation = reservations[reservation_id] ?? refuse('reservation not found')
  if (passengers.length !== reservation.passengers.length) refuse('number of passengers does not match')
  reservation.passengers = passengers
  return pythonJson(reservation)
}

function sendCertificate({ users }: Airline, { user_id, amount }: { user_id: string; amount: number }): string {
  const user = users[user_id] ?? refuse('user not found')
  const id = [3221322, 3221323, 3221324].map((number) => `certificate_${number}`).find((each) => !(each in user.payment_methods))
  if (id === undefined) return 'None'
  user.payment_methods[id] = { source: 'certificate', amount, id }
  return `Certificate ${id} added to user ${user_id} with amount ${amount}.`
}

const tripOf = z.object({ origin: z.string(), destination: z.string(), date: z.string() })
type Trip = z.infer<typeof tripOf>
const shown = ({ dates, ...flight }: Flight, date: string): object => ({ ...flight, ...dates[date] })

function direct({ flights }: Airline, { origin, destination, date }: Trip): string {
  const found = Object.values(flights).filter((flight) => flight.origin === origin && flight.destination === destination)
  return pythonJson(found.filter(({ dates }) => dates[date]?.status === 'available').map((flight) => shown(flight, date)))
}

/** A night between the two is counted by its `+1`, and the second leg is shown with the prices of the first day, as in the original. */
function oneStop({ flights }: Airline, { origin, destination, date }: Trip): string {
  const found: object[] = []
  for (const first of Object.values(flights).filter((flight) => flight.origin === origin))
    for (const second of Object.values(flights).filter((flight) => flight.destination === destination && flight.origin === first.destination)) {
      const then = first.scheduled_arrival_time_est.includes('+1') ? `2024-05-${Number(date.slice(-2)) + 1}` : date
      if (first.scheduled_arrival_time_est > second.scheduled_departure_time_est) continue
      if (first.dates[date]?.status !== 'available' || second.dates[then]?.status !== 'available') continue
      found.push([
        { ...shown(first, date), date },
        { ...shown(second, date), date: then },
      ])
    }
  return pythonJson(found)
}

/** Python's `round(float(…), 2)` as text: whole numbers keep their `.0`. */
function calculate(expression: string): string {
  if (!/^[-\d+*/(). ]*$/.test(expression)) return 'Error: invalid characters in expression'
  const value = Math.round(Number(new Function(`return (${expression})`)()) * 100) / 100
  return Number.isInteger(value) ? `${value}.0` : String(value)
}

const airports = {
  ...{ SFO: 'San Francisco', JFK: 'New York', LAX: 'Los Angeles', ORD: 'Chicago', DFW: 'Dallas', DEN: 'Denver', SEA: 'Seattle', ATL: 'Atlanta', MIA: 'Miami' },
  ...{ BOS: 'Boston', PHX: 'Phoenix', IAH: 'Houston', LAS: 'Las Vegas', MCO: 'Orlando', EWR: 'Newark', CLT: 'Charlotte', MSP: 'Minneapolis', DTW: 'Detroit' },
  ...{ PHL: 'Philadelphia', LGA: 'LaGuardia' },
}

/** What it does to the world is said of each: what changes the database happens once. @param seen hears the answer of each call, in order */
export function airlineTools(airline: Airline, seen: (name: string, output: string) => void): readonly AnyTool[] {
  const make = <S extends z.ZodType>(name: string, effect: 'read' | 'once', input: S, act: (input: z.infer<S>) => string): AnyTool =>
    tool({
      name,
      description: name.replaceAll('_', ' '),
      input: asGiven(input),
      effect,
      execute: (given) => {
        const output = answered(() => act(given as z.infer<S>))
        seen(name, output)
        return output
      },
    })
  const byUser = z.object({ user_id: z.string() })
  const byReservation = z.object({ reservation_id: z.string() })
  return [
    make('book_reservation', 'once', bookingOf, (input) => book(airline, input)),
    make('cancel_reservation', 'once', byReservation, (input) => cancel(airline, input)),
    make('update_reservation_baggages', 'once', baggageOf, (input) => updateBaggage(airline, input)),
    make('update_reservation_flights', 'once', changeOf, (input) => updateFlights(airline, input)),
    make('update_reservation_passengers', 'once', passengersOf, (input) => updatePassengers(airline, input)),
    make('send_certificate', 'once', byUser.extend({ amount: z.number() }), (input) => sendCertificate(airline, input)),
    make('get_user_details', 'read', byUser, ({ user_id }) => pythonJson(airline.users[user_id] ?? refuse('user not found'))),
    make('get_reservation_details', 'read', byReservation, ({ reservation_id }) =>
      pythonJson(airline.reservations[reservation_id] ?? refuse('user not found')),
    ),
    make('search_direct_flight', 'read', tripOf, (input) => direct(airline, input)),
    make('search_onestop_flight', 'read', tripOf, (input) => oneStop(airline, input)),
    make('list_all_airports', 'read', z.object({}), () => pythonJson(airports)),
    make('calculate', 'read', z.object({ expression: z.string() }), ({ expression }) => calculate(expression)),
    make('think', 'read', z.object({ thought: z.string() }), () => ''),
    make('transfer_to_human_agents', 'once', z.object({ summary: z.string() }), () => 'Transfer successful'),
  ]
}

/** Checked, and taken as it was given: Python leaves what was not asked for, and the order, as they are. */
function asGiven<S extends z.ZodType>(schema: S): S {
  const { '~standard': standard } = schema
  const validate = async (value: unknown) => {
    const checked = await standard.validate(value)
    return checked.issues ? checked : { value }
  }
  return { '~standard': { ...standard, validate } } as unknown as S
}

function answered(act: () => string): string {
  try {
    return act()
  } catch (error) {
    if (error instanceof Refused) return error.message
    throw error
  }
}
